/** Compiles only if the two types are the same. */
export function same<A, B>(
  ...different: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]
): void;

/** Compiles only if a value of this type may be given. */
export function takes<T>(value: T): void;

/** A value of this type, for the compiler. */
export function a<T>(): T;
