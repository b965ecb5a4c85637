/** Light, dark, or what the system says. */
import { byId } from '../dom.js';

const key = 'tabserve-demo-theme';

export function showTheme(): void {
  const select = byId('theme', HTMLSelectElement);
  const apply = (): void => {
    document.documentElement.dataset.theme = select.value;
  };
  select.value = remembered();
  apply();
  select.addEventListener('change', () => {
    apply();
    try {
      localStorage.setItem(key, select.value);
    } catch {
      // Storage can be forbidden; then the choice lasts as long as the page.
    }
  });
}

function remembered(): string {
  try {
    const value = localStorage.getItem(key);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto';
  }
}
