import { create } from "@bufbuild/protobuf";
import {
  type RouteAction_RequestMirrorPolicy as MirrorMessage,
  RouteAction_RequestMirrorPolicySchema,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import type { MirrorPolicy, Route } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { decodeRuntimeFraction, encodeRuntimeFraction } from "../message/fraction.ts";

/** `request_mirror_policies` of a route, a virtual host or a route configuration. */
export function decodeMirrors(messages: readonly MirrorMessage[], place: Place): MirrorPolicy[] {
  return messages.map((message, i) => {
    const { cluster, clusterHeader, disableShadowHostSuffixAppend } = message;
    if (cluster === "" && clusterHeader === "") {
      place.item(i).field("cluster").refuse("is missing");
    }
    return {
      cluster,
      fraction: decodeRuntimeFraction(message.runtimeFraction),
      shadowHost: !disableShadowHostSuffixAppend,
    };
  });
}

/**
 * Routes that mirror nowhere do as their virtual host, or their route configuration, says: what
 * is said there is kept with each of them.
 */
export function mirroredAs(mirrors: readonly MirrorPolicy[], routes: readonly Route[]): Route[] {
  return routes.map((route) => {
    const { action } = route;
    if (action.kind !== "forward" || action.mirrors.length > 0) return route;
    return { ...route, action: { ...action, mirrors } };
  });
}

export function encodeMirror({ cluster, fraction, shadowHost }: MirrorPolicy): MirrorMessage {
  return create(RouteAction_RequestMirrorPolicySchema, {
    cluster,
    disableShadowHostSuffixAppend: !shadowHost,
    ...(fraction === undefined ? {} : { runtimeFraction: encodeRuntimeFraction(fraction) }),
  });
}
