/** `serve PORT` is a gRPC server on $HOST; `ask TARGET` prints what one says. */
import * as grpc from "@grpc/grpc-js";

const toBytes = (text: string): Buffer => Buffer.from(text);
const toText = (bytes: Buffer): string => bytes.toString();
const GREETER = {
  greet: {
    path: "/greeter.Greeter/Greet",
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  },
} as const;

const [verb, where = ""] = process.argv.slice(2);
if (verb === "serve") {
  const server = new grpc.Server();
  server.addService(GREETER, {
    greet: (
      call: grpc.ServerUnaryCall<string, string>,
      reply: grpc.sendUnaryData<string>,
    ): void => {
      const passed = call.metadata.get("x-request-id").length > 0;
      reply(null, `hello ${call.request}${passed ? ", by sidecar" : ""}`);
    },
  });
  server.bindAsync(
    `${process.env.HOST}:${where}`,
    grpc.ServerCredentials.createInsecure(),
    () => {},
  );
} else {
  const client = new grpc.Client(where, grpc.credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = GREETER.greet;
  client.makeUnaryRequest(
    ...([path, requestSerialize, responseDeserialize, "world"] as const),
    (error, answer) => {
      process.stdout.write(`${error === null ? answer : error.message}\n`);
      client.close();
    },
  );
}
