import {
  InMemoryDesiredItems,
  InMemoryEvidence,
  InMemoryLastValidItems,
  InMemoryLeases,
  InMemoryPaceRows,
  InMemoryTableIndex,
  InMemoryTableOrders,
  InMemoryTableStates,
} from '../support/in-memory-stores.ts';
import { describeStores } from '../support/store-contract.ts';

// The same suite runs against DynamoDB as the local stack plays it.
describeStores('stores in memory', async () => {
  const desired = new InMemoryDesiredItems();
  const orders = new InMemoryTableOrders();
  const pace = new InMemoryPaceRows();
  return {
    desired,
    put: async (item) => desired.put(item),
    orders,
    order: (...row) => orders.put(...row),
    lastValid: new InMemoryLastValidItems(),
    states: new InMemoryTableStates(),
    index: new InMemoryTableIndex(),
    evidence: new InMemoryEvidence(),
    leases: new InMemoryLeases(),
    pace,
    putPace: (...row) => pace.put(...row),
  };
});
