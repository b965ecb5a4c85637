import { expect, it } from 'vitest';
import { csvOf, jsonOf } from './answer-files.js';

const answered = [
  {
    picture: 'a "red", round thing.jpg',
    model: 'photos 1.0.0',
    answers: [
      { label: 'Granny Smith', score: 0.912345678 },
      { label: 'fig, ripe', score: 0.05 },
    ],
  },
  { picture: '=1+1.png', model: 'photos 1.0.0', answers: [] },
];

it('writes a line for each picture, which spreadsheets read and do not compute', () => {
  expect(csvOf(answered)).toBe(
    [
      '\uFEFFpicture,model,label 1,score 1,label 2,score 2',
      '"a ""red"", round thing.jpg",photos 1.0.0,Granny Smith,0.912346,"fig, ripe",0.0500000',
      "'=1+1.png,photos 1.0.0,,,,",
      '',
    ].join('\r\n'),
  );
});

it('writes names as they are for programs', () => {
  expect(JSON.parse(jsonOf(answered))).toEqual(answered);
});

it('writes a heading where nothing was asked', () => {
  expect(csvOf([])).toBe('\uFEFFpicture,model\r\n');
});
