/** Light, dark, or what the system says. */
import { byId } from '../dom.js';

const key = 'tabserve-demo-theme';

/** Index.html has put what was chosen earlier on the root, before anything was painted. */
export function showTheme(): void {
  const select = byId('theme', HTMLSelectElement);
  const apply = (): void => {
    document.documentElement.dataset.theme = select.value;
  };
  const { theme = '' } = document.documentElement.dataset;
  select.value = theme === 'light' || theme === 'dark' ? theme : 'auto';
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
