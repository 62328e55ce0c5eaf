/** Bytes of which keys of a CEF extension are made. */
export const CEF_KEY_BYTES: Uint8Array = new Uint8Array(256)
for (const char of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-[],') CEF_KEY_BYTES[char.charCodeAt(0)] = 1
