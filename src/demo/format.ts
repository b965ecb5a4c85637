/** How numbers are written on this page. */
import { language, t } from './language.js';

const locale = language === 'en' ? 'en-GB' : language;
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat(locale, {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** German has a space before it, which is not to break. */
const sign = language === 'de' ? '\u00A0%' : '%';

/** 0.4213 → `42%`; small ones keep a digit, so that no answer looks impossible. */
export function percent(score: number): string {
  const value = score * 100;
  if (value > 0 && value < 0.1) return `<${tenth.format(0.1)}${sign}`;
  if (value > 99.9 && value < 100) return `>${tenth.format(99.9)}${sign}`;
  return `${value < 10 || value > 99 ? tenth.format(value) : whole.format(value)}${sign}`;
}

/** 3.216 → `3.2 ms`. */
export function milliseconds(value: number): string {
  return `${value < 100 ? tenth.format(value) : whole.format(value)} ms`;
}

/** The number alone, for tables that name the unit once. */
export function bareMilliseconds(value: number): string {
  return value < 100 ? tenth.format(value) : whole.format(value);
}

/** 3 145 728 → `3.1 MB`. */
export function bytes(value: number): string {
  if (value < 1000) return `${whole.format(value)} B`;
  if (value < 1_000_000) return `${whole.format(value / 1000)} kB`;
  return `${tenth.format(value / 1_000_000)} MB`;
}

export function count(value: number, one: string, many: string): string {
  return t(value === 1 ? `{1} ${one}` : `{1} ${many}`, whole.format(value));
}
