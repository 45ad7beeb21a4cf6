/** What a priority has, in hosts. */
export interface Level {
  readonly total: number;
  readonly healthy: number;
  readonly degraded: number;
}

/** How requests divide: one hundred in all, priority by priority. */
export interface PriorityLoad {
  /** Of those that go to healthy hosts (to any host, where the priority panics). */
  readonly healthy: readonly number[];
  readonly degraded: readonly number[];
  /** So few hosts are available that health counts no more. */
  readonly panic: readonly boolean[];
}

/**
 * Envoy: LoadBalancerBase. Each priority takes what its available hosts can, each of them a little
 * more than its share (`overprovisioningFactor`, in percent), and the next one takes the rest:
 * half of P0 down gives 70/30. `panicThreshold` in whole percent.
 */
export function loadOf(
  levels: readonly Level[],
  overprovisioningFactor: number,
  panicThreshold: number,
): PriorityLoad {
  const share = (count: number, total: number) =>
    total === 0 ? 0 : Math.min(100, Math.floor((overprovisioningFactor * count) / total));
  const health = levels.map(({ healthy, total }) => share(healthy, total));
  const degraded = levels.map(({ degraded: count, total }) => share(count, total));
  const available = Math.min(100, sum(health) + sum(degraded));
  if (available === 0 && panicThreshold === 0) return toFirst(levels);
  const panic = levels.map((level) => available < 100 && panics(level, panicThreshold));
  if (panic.every((one) => one)) return inTotalPanic(levels, panic);
  return { ...spread(health, degraded, available), panic };
}

function panics({ healthy, degraded, total }: Level, threshold: number): boolean {
  return (total === 0 ? 0 : (100 * (healthy + degraded)) / total) < threshold;
}

/** Nobody is available and nobody panics: P0 refuses. */
function toFirst(levels: readonly Level[]): PriorityLoad {
  return {
    healthy: levels.map((_, priority) => (priority === 0 ? 100 : 0)),
    degraded: levels.map(() => 0),
    panic: levels.map(() => false),
  };
}

/** Healthy hosts come first, then degraded ones; what rounding leaves goes to the first of them. */
function spread(
  health: readonly number[],
  degraded: readonly number[],
  available: number,
): Omit<PriorityLoad, "panic"> {
  if (available === 0) return { healthy: health.map(() => 0), degraded: health.map(() => 0) };
  const ofHealthy = distribute(health, 100, available);
  const ofDegraded = distribute(degraded, 100 - sum(ofHealthy), available);
  const left = 100 - sum(ofHealthy) - sum(ofDegraded);
  const first = health.findIndex((one) => one > 0);
  if (first >= 0) ofHealthy[first] = (ofHealthy[first] as number) + left;
  else {
    const other = degraded.findIndex((one) => one > 0);
    ofDegraded[other] = (ofDegraded[other] as number) + left;
  }
  return { healthy: ofHealthy, degraded: ofDegraded };
}

function distribute(shares: readonly number[], load: number, available: number): number[] {
  let left = load;
  return shares.map((share) => {
    const taken = Math.min(left, Math.floor((share * 100) / available));
    left -= taken;
    return taken;
  });
}

/** Every priority panics: by how many hosts there are, whatever their health. */
function inTotalPanic(levels: readonly Level[], panic: readonly boolean[]): PriorityLoad {
  const total = levels.reduce((count, level) => count + level.total, 0);
  if (total === 0) return { ...toFirst(levels), panic };
  const healthy = levels.map((level) => Math.floor((100 * level.total) / total));
  const first = levels.findIndex((level) => level.total > 0);
  healthy[first] = (healthy[first] as number) + 100 - sum(healthy);
  return { healthy, degraded: levels.map(() => 0), panic };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
