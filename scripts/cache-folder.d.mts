export function cacheFolder(): string | undefined;
export function kept(name: string, make: (folder: string) => void): string;
