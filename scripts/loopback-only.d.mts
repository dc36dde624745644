export function socketsElsewhere(pid: number): string[] | undefined;
