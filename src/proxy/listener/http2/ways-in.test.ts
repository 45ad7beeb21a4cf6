/** How clients come to be served in HTTP/2, and what an origin of HTTP/2 gets from them. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { expect, it } from "vitest";
import { Http2Client } from "../../../../test/support/http2-client.ts";
import { http2Scene } from "../../../../test/support/http2-scene.ts";
import { answered, originServer, running } from "../../../../test/support/one-hop.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../../test/support/proxy-setup.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const UPSTREAM = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

function chainsTo(cluster: string, match: object = {}): object {
  const routes = [{ match: { prefix: "/" }, route: { cluster } }];
  const listener = httpListener({ name: cluster, routes }) as {
    readonly filter_chains: readonly object[];
  };
  return { ...listener.filter_chains[0], name: cluster, filter_chain_match: match };
}

async function started(
  listeners: readonly unknown[],
  clusters: readonly unknown[],
): Promise<ProxySetup> {
  const setup = await startSetup(listeners, clusters);
  running.unshift(setup);
  return setup;
}

function closing(client: Http2Client): Http2Client {
  running.unshift({ stop: () => client.closes() });
  return client;
}

it("a CONNECT tunnel through an explicit proxy may hold HTTP/2", async () => {
  const web = await originServer();
  const explicit = {
    ...(httpListener({
      routes: [{ match: { prefix: "/" }, route: { cluster: "web" } }],
    }) as object),
    metadata: { filter_metadata: { outrigger: { explicitProxy: true } } },
  };
  const behind = {
    name: "0.0.0.0_9080",
    address: { socket_address: { address: "0.0.0.0", port_value: 9080 } },
    bind_to_port: false,
    filter_chains: [chainsTo("web")],
  };
  const setup = await started([explicit, behind], [staticCluster("web", [web.port])]);
  const socket = connect(setup.port(), "127.0.0.1");
  socket.write("CONNECT reviews:9080 HTTP/1.1\r\nHost: reviews:9080\r\n\r\n");
  const [established] = (await once(socket, "data")) as [Buffer];
  expect(established.toString()).toContain(" 200 ");
  const client = closing(await Http2Client.through(socket));
  const answer = client.gets("/inside");
  const upstream = await web.accepts();
  expect(await answered(upstream)).toContain("GET /inside HTTP/1.1");
  expect((await answer).body).toBe("ok");
  const direct = closing(await Http2Client.connect(setup.port()));
  const second = direct.gets("/outside");
  expect(await answered(upstream)).toContain("GET /outside HTTP/1.1");
  expect((await second).body).toBe("ok");
});

it("a filter chain can be for HTTP/2 alone", async () => {
  const two = await originServer();
  const one = await originServer();
  const listener = {
    name: "in",
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    listener_filters: [
      {
        name: "inspector",
        typed_config: {
          "@type":
            "type.googleapis.com/envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
        },
      },
    ],
    filter_chains: [
      chainsTo("two", { application_protocols: ["h2c"] }),
      chainsTo("one", { application_protocols: ["http/1.1"] }),
    ],
  };
  const setup = await started(
    [listener],
    [staticCluster("two", [two.port]), staticCluster("one", [one.port])],
  );
  const client = closing(await Http2Client.connect(setup.port()));
  const answer = client.gets("/");
  await answered(await two.accepts(), "two");
  expect((await answer).body).toBe("two");
  const other = await setup.client();
  other.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await answered(await one.accepts(), "one");
  expect((await other.receivesResponse()).body).toBe("one");
});

it("a listener for HTTP/1.1 alone refuses HTTP/2's preface", async () => {
  const { setup } = await http2Scene();
  const only = await started(
    [httpListener({ hcm: { codec_type: "HTTP1" }, routes: [] })],
    [staticCluster("origin", [1])],
  );
  const client = await only.client();
  client.sends(PREFACE);
  expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1\.1 (400|505) /);
  expect(setup.proxy.telemetry.http("in").value("downstream_cx_http1_total")).toBe(0);
});

it("a client that says nothing has no protocol, and its time is bounded", async () => {
  const { client, clock, setup } = await http2Scene({
    hcm: { common_http_protocol_options: { idle_timeout: "4s" } },
  });
  client.closes();
  await client.ends();
  const silent = await setup.client();
  const cut = await setup.client();
  cut.sends(PREFACE.slice(0, 10));
  cut.ends();
  await cut.sees("end");
  const http = setup.proxy.telemetry.http("in");
  clock.advance(4001);
  await silent.sees("end");
  expect(http.value("downstream_cx_total")).toBe(3);
  expect(http.value("downstream_cx_http1_total")).toBe(0);
  expect(http.value("downstream_cx_http2_total")).toBe(1);
  expect(http.value("downstream_cx_idle_timeout")).toBe(1);
});

it("requests and their trailers go to an origin of HTTP/2 as they are, and back", async () => {
  const seen: { headers: IncomingHttpHeaders; body: string; trailers: IncomingHttpHeaders }[] = [];
  const origin = createServer();
  origin.on("stream", (stream: ServerHttp2Stream, headers) => {
    let body = "";
    let trailers: IncomingHttpHeaders = {};
    stream.on("trailers", (came) => {
      trailers = came;
    });
    stream.on("data", (bytes: Buffer) => {
      body += bytes.toString();
    });
    stream.on("end", () => {
      seen.push({ headers, body, trailers });
      stream.respond({ ":status": 200, "x-own": "1" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(`got ${body}`);
    });
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  running.push({ stop: () => void origin.close() });
  const { port } = origin.address() as AddressInfo;
  const options = { "@type": UPSTREAM, explicit_http_config: { http2_protocol_options: {} } };
  const setup = await started(
    [httpListener({ routes: [{ match: { prefix: "/" }, route: { cluster: "two" } }] })],
    [
      staticCluster("two", [port], {
        typed_extension_protocol_options: { [UPSTREAM.slice(20)]: options },
      }),
    ],
  );
  const client = closing(await Http2Client.connect(setup.port()));
  const headers = { ":method": "POST", te: "trailers" };
  const call = client.opens("/a", headers, false, { "x-sum": "1" });
  call.stream.end("abc");
  const answer = await call.answer();
  expect(answer).toMatchObject({ status: 200, body: "got abc", headers: { "x-own": "1" } });
  expect(answer.trailers).toMatchObject({ "grpc-status": "0" });
  expect(seen[0]).toMatchObject({ body: "abc", trailers: { "x-sum": "1" } });
  expect(seen[0]?.headers).toMatchObject({ ":path": "/a", ":authority": "a", te: "trailers" });
  expect(seen[0]?.headers).not.toHaveProperty("host");
});
