import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import { AccrualStats } from "./accrual-stats.ts";
import { accrualTables } from "./accrual-tables.ts";
import { type Waiter, WaitingPlace, WaitingRoom } from "./waiting-room.ts";

/** Requests before endpoints that take so many of them. */
class Scene {
  readonly clock = new VirtualClock();
  readonly served: string[] = [];
  readonly refused: string[] = [];
  capacity = 0;
  readonly room: WaitingRoom;

  constructor() {
    const stats = new AccrualStats(accrualTables(new Registry()), "cart");
    this.room = new WaitingRoom("cart", this.clock, stats, () => this.capacity > 0);
  }

  /** A request; where it stands, if it waits. */
  request(name: string): WaitingPlace {
    const waiter: Waiter = {
      onTurn: () => this.#ask(name, place),
      onClosed: () => this.#ask(name, place),
      onRefused: ({ status, details }) => this.refused.push(`${name} ${status} ${details}`),
    };
    const place = new WaitingPlace(waiter);
    this.#ask(name, place);
    return place;
  }

  /** So many requests more are taken. */
  opens(capacity: number): void {
    this.capacity = capacity;
    this.room.onHosts();
  }

  #ask(name: string, place: WaitingPlace): void {
    if (this.capacity > 0) {
      this.capacity--;
      this.served.push(name);
      this.room.onHosts();
      return;
    }
    const reply = this.room.join(place);
    if (reply !== undefined) place.waiter.onRefused(reply);
  }
}

describe("requests that nobody is ready for", () => {
  it("wait, and are served in their order when an endpoint is ready", () => {
    const scene = new Scene();
    for (const name of ["a", "b", "c"]) scene.request(name);
    expect(scene.room.ready).toBe(false);
    scene.opens(2);
    expect(scene.served).toEqual(["a", "b"]);
    scene.opens(1);
    expect(scene.served).toEqual(["a", "b", "c"]);
    expect(scene.refused).toEqual([]);
  });

  it("fail together after three seconds, and those that come then at once", () => {
    const scene = new Scene();
    scene.request("a");
    scene.clock.advance(2000);
    scene.request("b");
    scene.clock.advance(999);
    expect(scene.refused).toEqual([]);
    scene.clock.advance(1);
    scene.request("c");
    const details = "504 fail_fast{cart}";
    expect(scene.refused).toEqual([`a ${details}`, `b ${details}`, `c ${details}`]);
  });

  it("are served again as soon as an endpoint is ready, and then may wait again", () => {
    const scene = new Scene();
    scene.request("a");
    scene.clock.advance(3000);
    scene.opens(1);
    scene.request("b");
    scene.request("c");
    expect(scene.served).toEqual(["b"]);
    scene.clock.advance(2999);
    expect(scene.refused).toHaveLength(1);
    scene.clock.advance(1);
    expect(scene.refused).toHaveLength(2);
  });

  it("give their place up without a trace", () => {
    const scene = new Scene();
    const places = ["a", "b", "c"].map((name) => scene.request(name));
    places[1]?.leave();
    places[1]?.leave();
    scene.opens(3);
    expect(scene.served).toEqual(["a", "c"]);
  });

  it("start no clock anew while one of them waits", () => {
    const scene = new Scene();
    const first = scene.request("a");
    scene.clock.advance(2500);
    scene.request("b");
    first.leave();
    scene.clock.advance(500);
    expect(scene.refused).toEqual(["b 504 fail_fast{cart}"]);
  });

  it("are refused once ten thousand wait", () => {
    const scene = new Scene();
    for (let i = 0; i < 10_001; i++) scene.request(String(i));
    expect(scene.refused).toEqual(["10000 503 load_shed{cart}"]);
  });

  it("hear when their cluster goes", () => {
    const scene = new Scene();
    scene.request("a");
    scene.room.close();
    scene.request("b");
    scene.clock.advance(10_000);
    expect(scene.refused).toEqual(["a 503 no_healthy_upstream", "b 503 no_healthy_upstream"]);
  });
});
