import { createMemoryStore } from '../../src/stores/memory/store.ts';
import { runStoreContract } from './store-contract.ts';

runStoreContract(
  {
    name: 'memory',
    async open() {
      const store = createMemoryStore();
      return { store, second: store, boundaryBytes: 1024 * 1024, close: () => store.close() };
    },
  },
  [],
);
