/** The world outside a mesh, on 192.0.2.77: a web server, two that speak first, a resolver. */
import { createSocket } from "node:dgram";
import { createServer as createWeb } from "node:http";
import { createServer } from "node:net";
import { type Answer, decode, encode, type Packet, streamDecode, streamEncode } from "dns-packet";

const HERE = "192.0.2.77";
const RESOLVER = "192.0.2.53";
const TRUNCATED = 1 << 9;
const NXDOMAIN = 3;
/** More than fits a datagram. */
const MANY = Array.from({ length: 120 }, (_, index) => `198.51.100.${index + 1}`);

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "www.outside.test": [HERE],
  "other.outside.test": [HERE],
  "long.outside.test": MANY,
};

function answer(query: Packet): Packet {
  const [question] = query.questions ?? [];
  const addresses = ADDRESSES[question?.name.toLowerCase() ?? ""];
  const answers = (question?.type === "A" ? (addresses ?? []) : []).map(
    (data): Answer => ({ type: "A", name: question?.name ?? "", ttl: 60, data }),
  );
  const code = addresses === undefined ? NXDOMAIN : 0;
  return {
    type: "response",
    id: query.id ?? 0,
    flags: 128 | code,
    questions: query.questions ?? [],
    answers,
  };
}

async function resolver(): Promise<void> {
  const udp = createSocket("udp4");
  udp.on("message", (message, from) => {
    const whole = answer(decode(message));
    const isLong = (whole.answers?.length ?? 0) > 20;
    const cut = { ...whole, flags: (whole.flags ?? 0) | TRUNCATED, answers: [] };
    udp.send(encode(isLong ? cut : whole), from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(53, RESOLVER, resolve));
  const tcp = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => socket.end(streamEncode(answer(streamDecode(Buffer.from(data))))));
  });
  await new Promise<void>((resolve) => tcp.listen(53, RESOLVER, resolve));
}

async function speaksFirst(port: number, words: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(`${words}\n`);
  });
  await new Promise<void>((resolve) => server.listen(port, HERE, resolve));
}

async function web(): Promise<void> {
  const server = createWeb((request, response) => {
    response.end(JSON.stringify({ service: "outside", host: request.headers.host }));
  });
  await new Promise<void>((resolve) => server.listen(80, HERE, resolve));
}

await Promise.all([resolver(), web(), speaksFirst(7001, "one"), speaksFirst(7002, "two")]);
process.stdout.write("ready\n");
