import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { type Http2Scene, http2Scene } from "../../../../test/support/http2-scene.ts";
import { answered } from "../../../../test/support/one-hop.ts";

function scene(action: string): Promise<Http2Scene> {
  return http2Scene({
    hcm: { common_http_protocol_options: { headers_with_underscores_action: action } },
  });
}

describe("names with underscores over HTTP/2", () => {
  it("pass where nothing else is said", async () => {
    const { client, origin } = await scene("ALLOW");
    const answer = client.gets("/", { x_a: "1" });
    expect(await answered(await origin.accepts())).toContain("x_a: 1\r\n");
    expect((await answer).status).toBe(200);
  });

  it("are dropped where that is asked", async () => {
    const { client, origin, setup } = await scene("DROP_HEADER");
    const answer = client.gets("/", { x_a: "1", "x-b": "2" });
    const head = await answered(await origin.accepts());
    expect(head).toContain("x-b: 2\r\n");
    expect(head).not.toContain("x_a");
    expect((await answer).status).toBe(200);
    const { http1, http2 } = setup.proxy.telemetry;
    expect(http2.value("dropped_headers_with_underscores")).toBe(1);
    expect(http1.value("dropped_headers_with_underscores")).toBe(0);
  });

  it("end their stream where that is asked, and only that", async () => {
    const { client, origin, setup } = await scene("REJECT_REQUEST");
    expect(await client.opens("/", { x_a: "1" }).ends()).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
    const { http2, refused } = setup.proxy.telemetry;
    expect(http2.value("requests_rejected_with_underscores_in_headers")).toBe(1);
    expect(refused.all).toMatchObject([{ reason: "underscoreInName", status: 0, bytes: "" }]);
    const answer = client.gets("/", { "x-b": "2" });
    await answered(await origin.accepts());
    expect((await answer).status).toBe(200);
    expect(setup.proxy.telemetry.http("in").value("downstream_rq_active")).toBe(0);
  });
});
