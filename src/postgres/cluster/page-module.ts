/** The WebAssembly module of `page-buffer.ts`, whose functions work in one memory. */
import { hashPiecesParts, type HashPieces } from '../../base/checksum/highway-module.ts';
import { encodeModule } from '../../base/checksum/module-bytes.ts';
import { findWrongPagesParts, type FindWrongPages } from './page-sums-module.ts';

export interface PageModule {
  readonly memory: ArrayBuffer;
  readonly findWrongPages: FindWrongPages;
  readonly hashPieces: HashPieces;
}

/** The part of WebAssembly that is used; Node's types do not declare it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: Omit<PageModule, 'memory'> & { readonly memory: { readonly buffer: ArrayBuffer } };
  };
};

/** @throws Error where the processor has no vectors that WebAssembly could use */
export function makePageModule(memoryBytes: number): PageModule {
  const module = new WebAssembly.Module(
    encodeModule([findWrongPagesParts(), hashPiecesParts()], memoryBytes),
  );
  const { memory, findWrongPages, hashPieces } = new WebAssembly.Instance(module).exports;
  return { memory: memory.buffer, findWrongPages, hashPieces };
}
