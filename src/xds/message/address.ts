import { create } from "@bufbuild/protobuf";
import {
  type Address as AddressMessage,
  AddressSchema,
  type SocketAddress as SocketAddressMessage,
  SocketAddressSchema,
} from "../../gen/envoy/config/core/v3/address_pb.js";
import { type Address, type SocketAddress, socketAddress } from "../../model/address.ts";
import type { Place } from "../check/place.ts";

const NOWHERE: Address = { kind: "pipe", path: "" };

export function decodeAddress(message: AddressMessage | undefined, place: Place): Address {
  const address = message?.address;
  if (address?.case === "pipe") return { kind: "pipe", path: address.value.path };
  if (address?.case !== "socketAddress") {
    place.refuse("is missing", undefined, "socket_address or pipe");
    return NOWHERE;
  }
  return decodeSocketAddress(address.value, place.field("socket_address"));
}

export function decodeSocketAddress(message: SocketAddressMessage, place: Place): SocketAddress {
  const { portSpecifier } = message;
  if (portSpecifier.case === "namedPort") place.field("named_port").refuse("is not executed");
  const port = portSpecifier.case === "portValue" ? portSpecifier.value : 0;
  return socketAddress(message.address, port);
}

export function encodeAddress(address: Address): AddressMessage {
  if (address.kind === "pipe") {
    return create(AddressSchema, { address: { case: "pipe", value: { path: address.path } } });
  }
  const value = encodeSocketAddress(address);
  return create(AddressSchema, { address: { case: "socketAddress", value } });
}

export function encodeSocketAddress(address: SocketAddress): SocketAddressMessage {
  return create(SocketAddressSchema, {
    address: address.host,
    portSpecifier: { case: "portValue", value: address.port },
  });
}
