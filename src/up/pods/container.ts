import { dirname, resolve } from "node:path";
import type { Container, Labels, PodTemplate } from "../../model/mesh.ts";
import type { StandInConfig } from "./stand-in.ts";

/** What a container comes down to on this machine. */
export type ContainerRun =
  /** `folder` is absolute. */
  | { readonly kind: "command"; readonly command: string; readonly folder: string }
  | { readonly kind: "standIn"; readonly config: StandInConfig }
  | { readonly kind: "nothing" };

const COMMAND_ANNOTATION = "outrigger.dev/command.";

/** Where a pod's processes find things. */
export interface PodSetting {
  readonly name: string;
  readonly namespace: string;
  /** The pod's address. */
  readonly address: string;
  /** What the app shall listen on: every address, or in explicit mode one of its own. */
  readonly host: string;
  /** Where containers of the pod reach each other. */
  readonly localhost: string;
  /** Explicit mode: the sidecar's `http_proxy`, and who is reached without it. */
  readonly proxy: { readonly url: string; readonly except: readonly string[] } | undefined;
  /** Explicit mode: the stand-in's socket for a port. */
  readonly socketOf: ((port: number) => string) | undefined;
}

/** `commands`: by image, from the user's UpConfig. */
export function containerRun(
  template: PodTemplate,
  container: Container,
  setting: Pick<PodSetting, "name" | "socketOf">,
  commands: Labels,
): ContainerRun {
  const command =
    template.annotations[COMMAND_ANNOTATION + container.name] ?? commands[container.image];
  if (command !== undefined) {
    // Relative to the YAML file: the command works wherever `outrigger up` is called.
    return { kind: "command", command, folder: resolve(dirname(template.origin.position.file)) };
  }
  const ports = tcpPorts(container);
  if (ports.length === 0) return { kind: "nothing" };
  const { labels, namespace } = template;
  const identity = {
    service: labels.app ?? labels["app.kubernetes.io/name"] ?? template.name,
    pod: setting.name,
    namespace,
    version: labels.version ?? labels["app.kubernetes.io/version"] ?? "",
    container: container.name,
  };
  const listen = ports.map((port) => setting.socketOf?.(port) ?? port);
  return { kind: "standIn", config: { identity, listen } };
}

export function tcpPorts(container: Container): number[] {
  return container.ports.filter(({ protocol }) => protocol === "TCP").map(({ port }) => port);
}

/** Environment of a container's command: ours, the container's own, and where it is. */
export function containerEnvironment(
  container: Container,
  setting: PodSetting,
  inherited: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const [port] = tcpPorts(container);
  return {
    ...clientEnvironment(setting, inherited),
    HOST: setting.host,
    ...(port === undefined ? {} : { PORT: String(port) }),
    ...container.env,
  };
}

/** Environment of anything that runs in a pod. */
export function clientEnvironment(
  setting: PodSetting,
  inherited: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  return {
    ...withoutProxies(inherited),
    POD_NAME: setting.name,
    POD_NAMESPACE: setting.namespace,
    POD_IP: setting.address,
    POD_LOCALHOST: setting.localhost,
    OUTRIGGER_NODE: process.execPath,
    ...proxyEnvironment(setting),
  };
}

function proxyEnvironment({ proxy }: PodSetting): NodeJS.ProcessEnv {
  if (proxy === undefined) return {};
  const except = proxy.except.join(",");
  return {
    http_proxy: proxy.url,
    HTTP_PROXY: proxy.url,
    no_proxy: except,
    NO_PROXY: except,
    NODE_USE_ENV_PROXY: "1",
  };
}

/** A proxy that the user's shell points to would take the traffic out of the mesh. */
export function withoutProxies(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = /^(https?|all|no|ftp)_proxy$|^NODE_USE_ENV_PROXY$/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.test(name)));
}
