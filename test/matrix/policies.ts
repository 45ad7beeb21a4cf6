/** What a user may have configured against failures; YAML documents behind the service's own. */
export interface MatrixPolicy {
  readonly name: string;
  /** In a sentence, for the table's legend. */
  readonly says: string;
  readonly yaml: string;
  /** Of the Service. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Only what is safe to do twice is retried for what an endpoint may have done. */
const RETRIES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - match: [{ method: { exact: GET } }]
      route: [{ destination: { host: ratings } }]
      timeout: 2s
      retries:
        attempts: 2
        perTryTimeout: 500ms
        retryOn: 5xx,reset,connect-failure,refused-stream
    - route: [{ destination: { host: ratings } }]
      timeout: 2s
`;

const NO_RETRIES = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings }
spec:
  hosts: [ratings]
  http:
    - route: [{ destination: { host: ratings } }]
      timeout: 2s
      retries: { attempts: 0 }
`;

const OUTLIER = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ratings }
spec:
  host: ratings
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 5
      interval: 500ms
      baseEjectionTime: 1s
      maxEjectionPercent: 50
`;

const CIRCUIT = `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ratings }
spec:
  targetRefs: [{ kind: Service, name: ratings }]
  window: { duration: 2s, buckets: 10 }
  open: { requestVolume: 20, errorPercentage: 50 }
  errors: { statuses: [5xx], slowerThan: 1s }
  sleep: 1s
  halfOpen: { probes: 1 }
`;

const ACCRUAL = {
  "balancer.linkerd.io/failure-accrual": "consecutive",
  "balancer.linkerd.io/failure-accrual-consecutive-max-failures": "5",
  "balancer.linkerd.io/failure-accrual-consecutive-min-penalty": "1s",
  "balancer.linkerd.io/failure-accrual-consecutive-max-penalty": "2s",
};

export const POLICIES: readonly MatrixPolicy[] = [
  { name: "nothing", says: "retries switched off, a timeout of 2 s", yaml: NO_RETRIES },
  {
    name: "retries",
    says: "two retries of GETs, 500 ms a try, with the budget of 20 % that is there by itself",
    yaml: RETRIES,
  },
  {
    name: "outliers",
    says: "Istio's outlierDetection: 5 errors in a row, 1 s, at most half of the endpoints",
    yaml: `${NO_RETRIES}---${OUTLIER}`,
  },
  {
    name: "retries, outliers",
    says: "both",
    yaml: `${RETRIES}---${OUTLIER}`,
  },
  {
    name: "accrual, retries",
    says: "Linkerd's failure accrual: 5 failures in a row, penalties of 1 s to 2 s; and retries",
    yaml: RETRIES,
    annotations: ACCRUAL,
  },
  {
    name: "circuit, retries",
    says: "a CircuitBreaker that opens for 1 s at 50 % of 20 calls in 2 s; and retries",
    yaml: `${RETRIES}---${CIRCUIT}`,
  },
  {
    name: "all",
    says: "retries, outliers and the CircuitBreaker",
    yaml: `${RETRIES}---${OUTLIER}---${CIRCUIT}`,
  },
];

export function policyNamed(name: string): MatrixPolicy {
  const found = POLICIES.find((policy) => policy.name === name);
  if (found === undefined) throw new Error(`no policy ${name}`);
  return found;
}
