// A page as an author without a bundler would write it: the built module, by its address.
import * as tabserve from '/dist/index.js';

window.tabserve = tabserve;
