import type { Failure } from "../support/ledger/origin/failure.ts";
import type { LedgerOrigin } from "../support/ledger/origin/origin.ts";

/** What goes wrong with the endpoints of a service. */
export interface MatrixFault {
  readonly name: string;
  readonly says: string;
  /** Begins; what comes back ends it. */
  begin(origins: readonly LedgerOrigin[]): () => void;
}

const FLAP_MS = 400;

function failing(origins: readonly LedgerOrigin[], ...failures: readonly Failure[]): () => void {
  for (const origin of origins) origin.fail(failures);
  return () => {
    for (const origin of origins) origin.fail([]);
  };
}

export const FAULTS: readonly MatrixFault[] = [
  { name: "none", says: "all is well", begin: () => () => undefined },
  {
    name: "errors",
    says: "every endpoint answers each fourth request with 503",
    begin: (origins) => failing(origins, { mode: "unavailable", every: 4 }),
  },
  {
    name: "slow",
    says: "three of ten endpoints never answer",
    begin: (origins) => failing(origins.slice(0, 3), { mode: "silent", every: 1 }),
  },
  {
    name: "reset",
    says: "every endpoint resets each fifth connection after it had the request",
    begin: (origins) => failing(origins, { mode: "resetBeforeReply", every: 5 }),
  },
  {
    name: "half-open",
    says: "one endpoint takes connections and requests, and says nothing",
    begin: (origins) => failing(origins.slice(0, 1), { mode: "silent", every: 1 }),
  },
  {
    name: "flapping",
    says: "all endpoints answer 503 for 400 ms, are well for 400 ms, and so on",
    begin: (origins) => {
      let stop = failing(origins, { mode: "unavailable", every: 1 });
      let bad = true;
      const timer = setInterval(() => {
        if (bad) stop();
        else stop = failing(origins, { mode: "unavailable", every: 1 });
        bad = !bad;
      }, FLAP_MS);
      return () => {
        clearInterval(timer);
        failing(origins)();
      };
    },
  },
  {
    name: "one bad of ten",
    says: "one endpoint answers everything with 503",
    begin: (origins) => failing(origins.slice(0, 1), { mode: "unavailable", every: 1 }),
  },
  {
    name: "all bad",
    says: "every endpoint answers everything with 503",
    begin: (origins) => failing(origins, { mode: "unavailable", every: 1 }),
  },
];

export function faultNamed(name: string): MatrixFault {
  const found = FAULTS.find((fault) => fault.name === name);
  if (found === undefined) throw new Error(`no fault ${name}`);
  return found;
}
