import { Answer } from './answer';

export default function Page() {
  return (
    <main>
      <h1>tabserve with Next.js</h1>
      <Answer src="/seven.png" />
    </main>
  );
}
