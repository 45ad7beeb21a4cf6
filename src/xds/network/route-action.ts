import { create } from "@bufbuild/protobuf";
import type { DataSource } from "../../gen/envoy/config/core/v3/base_pb.js";
import {
  DirectResponseActionSchema,
  type DirectResponseAction as DirectResponseMessage,
  RedirectActionSchema,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type RedirectAction as RedirectMessage,
  type Route as RouteMessage,
} from "../../gen/envoy/config/route/v3/route_components_pb.js";
import type { DirectResponseAction, RedirectAction, RouteAction } from "../../model/route.ts";
import type { Place } from "../check/place.ts";
import { orUndefined } from "../message/scalar.ts";
import { decodeForward, encodeForward } from "./forward-action.ts";
import { decodeRegexRewrite, encodeRegexRewrite } from "./regex-rewrite.ts";

const REDIRECT_STATUS = {
  [RedirectCode.MOVED_PERMANENTLY]: 301,
  [RedirectCode.FOUND]: 302,
  [RedirectCode.SEE_OTHER]: 303,
  [RedirectCode.TEMPORARY_REDIRECT]: 307,
  [RedirectCode.PERMANENT_REDIRECT]: 308,
} as const;

const REDIRECT_CODE = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
} as const;

const NO_CONTENT: DirectResponseAction = { kind: "directResponse", status: 500, body: "" };

export function decodeAction(action: RouteMessage["action"], place: Place): RouteAction {
  switch (action.case) {
    case "route":
      return decodeForward(action.value, place.field("route"));
    case "redirect":
      return decodeRedirect(action.value, place.field("redirect"));
    case "directResponse":
      return decodeDirectResponse(action.value, place.field("direct_response"));
    default:
      return NO_CONTENT;
  }
}

function decodeRedirect(message: RedirectMessage, place: Place): RedirectAction {
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: path } = message;
  if (message.portRedirect > 65_535) {
    place.field("port_redirect").refuse("is no port", message.portRedirect, "0 to 65535");
  }
  return {
    kind: "redirect",
    host: orUndefined(message.hostRedirect),
    port: message.portRedirect === 0 ? undefined : message.portRedirect,
    scheme: decodeScheme(scheme),
    path: path.case === "pathRedirect" ? path.value : undefined,
    prefixRewrite: path.case === "prefixRewrite" ? path.value : undefined,
    regexRewrite:
      path.case === "regexRewrite"
        ? decodeRegexRewrite(path.value, place.field("regex_rewrite"))
        : undefined,
    status: REDIRECT_STATUS[message.responseCode],
    stripQuery: message.stripQuery,
  };
}

function decodeScheme(scheme: RedirectMessage["schemeRewriteSpecifier"]): string | undefined {
  if (scheme.case === "httpsRedirect") return scheme.value ? "https" : undefined;
  return scheme.case === "schemeRedirect" ? orUndefined(scheme.value.toLowerCase()) : undefined;
}

function decodeDirectResponse(message: DirectResponseMessage, place: Place): DirectResponseAction {
  const { status } = message;
  if (status < 200 || status > 599) {
    place.field("status").refuse("is no final status", status, "200 to 599");
  }
  return { kind: "directResponse", status, body: decodeText(message.body, place.field("body")) };
}

/** The text of a DataSource; environment variables are refused by the check. */
export function decodeText(source: DataSource | undefined, place: Place): string {
  const specifier = source?.specifier;
  if (specifier?.case === "inlineString") return specifier.value;
  if (specifier?.case === "inlineBytes") return new TextDecoder().decode(specifier.value);
  if (specifier?.case === "filename") {
    const allowed = "inline_string, inline_bytes";
    place.field("filename").refuse("is for certificates and keys alone", specifier.value, allowed);
  }
  return "";
}

export function encodeAction(action: RouteAction): RouteMessage["action"] {
  switch (action.kind) {
    case "forward":
      return { case: "route", value: encodeForward(action) };
    case "redirect":
      return { case: "redirect", value: encodeRedirect(action) };
    case "directResponse":
      return { case: "directResponse", value: encodeDirectResponse(action) };
  }
}

function encodeRedirect(action: RedirectAction): RedirectMessage {
  return create(RedirectActionSchema, {
    hostRedirect: action.host ?? "",
    portRedirect: action.port ?? 0,
    schemeRewriteSpecifier: encodeScheme(action.scheme),
    pathRewriteSpecifier: encodeRedirectPath(action),
    responseCode: REDIRECT_CODE[action.status],
    stripQuery: action.stripQuery,
  });
}

function encodeScheme(scheme: string | undefined): RedirectMessage["schemeRewriteSpecifier"] {
  return scheme === undefined ? { case: undefined } : { case: "schemeRedirect", value: scheme };
}

function encodeRedirectPath(action: RedirectAction): RedirectMessage["pathRewriteSpecifier"] {
  if (action.path !== undefined) return { case: "pathRedirect", value: action.path };
  if (action.prefixRewrite !== undefined) {
    return { case: "prefixRewrite", value: action.prefixRewrite };
  }
  if (action.regexRewrite === undefined) return { case: undefined };
  return { case: "regexRewrite", value: encodeRegexRewrite(action.regexRewrite) };
}

function encodeDirectResponse(action: DirectResponseAction): DirectResponseMessage {
  const { status, body } = action;
  return create(DirectResponseActionSchema, {
    status,
    ...(body === "" ? {} : { body: { specifier: { case: "inlineString", value: body } } }),
  });
}
