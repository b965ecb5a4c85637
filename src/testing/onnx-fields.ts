/** Fields of ONNX's messages, written by hand. */
import { type Field, messageOf, varintBytes, written } from '../model/onnx/wire.js';

export const writeFields = (fields: Field[]) => written(messageOf(fields));
export const bytes = (number: number, content: Uint8Array): Field => ({
  number,
  type: 2,
  bytes: content,
});
export const message = (number: number, ...fields: Field[]) => bytes(number, writeFields(fields));
export const text = (number: number, value: string) =>
  bytes(number, new TextEncoder().encode(value));
export const integer = (number: number, value: number): Field => ({
  number,
  type: 0,
  bytes: varintBytes(value),
});
