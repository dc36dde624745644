export function startRegistry(folder: string): Promise<{ readonly url: string; stop(): Promise<void> }>;
