// The entry for teaching, as a page without a bundler takes it.
import * as learn from '/dist/learn.js';

window.learn = learn;
