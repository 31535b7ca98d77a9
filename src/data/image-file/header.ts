/** Of one format: its size, or what is wrong with it. */
export type Header = { readonly fault: string } | { readonly height: number; readonly width: number };
