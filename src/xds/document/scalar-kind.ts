import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";

const INTEGERS: Partial<Record<ScalarType, readonly [number, number]>> = {
  [ScalarType.INT32]: [-2_147_483_648, 2_147_483_647],
  [ScalarType.UINT32]: [0, 4_294_967_295],
  [ScalarType.INT64]: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [ScalarType.UINT64]: [0, Number.MAX_SAFE_INTEGER],
};

/** Undefined where the value fits the field; else, in words, what would. */
export function refuseScalar(field: DescField, value: unknown): string | undefined {
  if (field.enum !== undefined) return refuseEnum(field.enum, value);
  switch (field.scalar) {
    case ScalarType.BOOL:
      return typeof value === "boolean" ? undefined : "true or false";
    case ScalarType.STRING:
      return typeof value === "string" ? undefined : "a string (in quotes)";
    case ScalarType.BYTES:
      return isBase64(value) ? undefined : "base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return typeof value === "number" ? undefined : "a number";
    default:
      return refuseInteger(INTEGERS[field.scalar ?? ScalarType.INT32], value);
  }
}

function refuseEnum(type: DescEnum, value: unknown): string | undefined {
  const known = type.values.some((entry) => entry.name === value || entry.number === value);
  return known ? undefined : type.values.map((entry) => entry.name).join(", ");
}

function refuseInteger(
  range: readonly [number, number] | undefined,
  value: unknown,
): string | undefined {
  const [min, max] = range ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  // protobuf's JSON allows integers as strings: 64-bit ones do not fit a JSON number.
  const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
  const fits = Number.isInteger(number) && Number(number) >= min && Number(number) <= max;
  return fits ? undefined : `a whole number from ${min} to ${max}`;
}

function isBase64(value: unknown): boolean {
  return typeof value === "string" && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value);
}
