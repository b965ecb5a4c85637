/** `<tabserve-classifier>` in JSX. Use: `import type {} from 'tabserve/react'`. */
import type { DetailedHTMLProps, HTMLAttributes } from 'react';
import type { TabserveClassifierAttributes, TabserveClassifierElement } from './element/element.js';

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'tabserve-classifier': DetailedHTMLProps<
        HTMLAttributes<TabserveClassifierElement>,
        TabserveClassifierElement
      > &
        TabserveClassifierAttributes;
    }
  }
}
