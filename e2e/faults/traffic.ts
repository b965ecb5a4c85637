/** Requests without end, and an account of what became of each. */
import type { Page } from '@playwright/test';

/** What became of a page's traffic. */
export interface Account {
  asked: number;
  answered: number;
  /** Answers that are not what the picture shows. */
  wrong: string[];
  /** How many ended in an error, by code. */
  errors: Record<string, number>;
  /** Errors without a code. */
  untyped: string[];
  /** Milliseconds past its deadline of the latest end. */
  latest: number;
  /** Answers that took two attempts. */
  retried: number;
}

declare global {
  interface Window {
    traffic: { account: Account; stop(): Promise<Account> };
  }
}

/**
 * Starts asking all of `window.served` about pictures of every kind, some ten times a second, each
 * with a deadline of `timeout` milliseconds.
 */
export async function startTraffic(page: Page, timeout: number): Promise<void> {
  await page.evaluate(async (timeout) => {
    const account: Account = {
      asked: 0,
      answered: 0,
      wrong: [],
      errors: {},
      untyped: [],
      latest: Number.NEGATIVE_INFINITY,
      retried: 0,
    };
    const colours = { red: 'red', lime: 'green', blue: 'blue' };
    const names = Object.keys(colours) as (keyof typeof colours)[];
    const files = await Promise.all(names.map((colour) => window.pngOf(colour, 100)));
    const images = await Promise.all(
      files.map(async (file) => {
        const image = new Image();
        image.src = URL.createObjectURL(file);
        await image.decode();
        return image;
      }),
    );
    const kinds = [
      (index: number) => files[index] as Blob,
      (index: number) => images[index] as HTMLImageElement,
      (index: number) => (images[index] as HTMLImageElement).src,
      (index: number) => window.canvasOf(names[index] ?? '', 300),
      (index: number) =>
        window
          .canvasOf(names[index] ?? '')
          .getContext('2d')
          ?.getImageData(0, 0, 64, 64) as ImageData,
    ];
    let going = true;
    let asked = 0;
    const underWay = new Set<Promise<void>>();
    const ask = async () => {
      const turn = asked++;
      const index = turn % 3;
      const classifiers = Object.values(window.served);
      const classifier = classifiers[turn % classifiers.length];
      const picture = kinds[turn % kinds.length]?.(index);
      if (!classifier || picture === undefined) return;
      const began = performance.now();
      const outcome = await window.outcomeOf(classifier.classify(picture, { timeout }));
      const expected = colours[names[index] ?? 'red'];
      account.asked += 1;
      account.latest = Math.max(account.latest, performance.now() - began - timeout);
      if (outcome === expected) account.answered += 1;
      else if (Object.values(colours).includes(outcome) || outcome === 'no answer')
        account.wrong.push(`${outcome} instead of ${expected}`);
      else if (outcome.startsWith('untyped')) account.untyped.push(outcome);
      else account.errors[outcome] = (account.errors[outcome] ?? 0) + 1;
    };
    const timer = setInterval(() => {
      const request = ask().finally(() => underWay.delete(request));
      underWay.add(request);
    }, 100);
    window.traffic = {
      account,
      async stop() {
        if (going) clearInterval(timer);
        going = false;
        await Promise.all(underWay);
        account.retried = Object.values(window.served).reduce(
          (sum, classifier) => sum + classifier.metrics().retries,
          0,
        );
        return account;
      },
    };
  }, timeout);
}
