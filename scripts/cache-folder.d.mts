export function cacheFolder(): string | undefined;
export function cached(name: string): string | undefined;
export function kept(name: string, make: (folder: string) => void): string;
