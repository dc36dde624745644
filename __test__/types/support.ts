/** Compiles only if the two types are the same. */
export function same<A, B>(..._: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? [] : [never]): void {}

/** Compiles only if a value of this type may be given. */
export function takes<T>(_value: T): void {}

/** A value of this type, for the compiler. */
export declare function a<T>(): T;
