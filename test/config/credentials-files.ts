// Files that a configuration may name: a certificate of its own making with its key, keys that do not fit, and a password file. Made with
// openssl 3.0 and mosquitto_passwd 2.0.11 for these tests; nobody lets them in anywhere.

export const certificate = `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUJEdrvUmiPQagvNFksb+9x+W2q20wCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIbGFiIHRlc3QwIBcNMjYxMTIzMDAzODU4WhgPMjEyNjEwMzAw
MDM4NThaMBMxETAPBgNVBAMMCGxhYiB0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAESnBaLzSofpKZsQ9JIRXgYE17a2fc2HV3AEgbE9mHWh/dxc4gwsGaH7mD
2/A6gyldx2bD5G42unhddVrdLq/YF6NTMFEwHQYDVR0OBBYEFP0MSw19qn6OzTEf
iHxYekwYvkL3MB8GA1UdIwQYMBaAFP0MSw19qn6OzTEfiHxYekwYvkL3MA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAJfO2BapLwscTLlhvz5g4FsC
X9kaE/1uzRuyIgvv1dXDAiAcmnHgRUU+mawDTUpT+R9I+WLr7ub69trTOy3aHKrh
XA==
-----END CERTIFICATE-----
`;

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLE3l6sAnLTk07Drt
2zLbO1qTcqbbT6hiMjPjUyLYVmihRANCAARKcFovNKh+kpmxD0khFeBgTXtrZ9zY
dXcASBsT2YdaH93FziDCwZofuYPb8DqDKV3HZsPkbja6eF11Wt0ur9gX
-----END PRIVATE KEY-----
`;

export const otherKey = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFi1BNdtIZ3wcrpf6
O+PBYRrl8LvW4iCxU+ro1zcFTN6hRANCAATMdwDokJi1n4zCUSPzJX011ioG3p2t
UapHV1yWi5INGEEhRCWcmcbFonNaeUpvn4z7FVqiBXTkZHF7wkIjfqgQ
-----END PRIVATE KEY-----
`;

/** With the passphrase `abcd`. */
export const lockedKey = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg74rQ6P+2oBQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEPHv3Bbm8I+Pa97LqgLUuBIEgZDz
3iJN0oJmjL9LPiPXqSunc+MscXLgwIIjllUzYMyAvePjZ/obiUufl6kU76lTcgO3
1NJJuzZtqyQmvo4CTpeNyD5fVN7xHl0eDo42guArC5lnhtqg6ntQX2Z9rZjLz4xV
+NDgmk24L4EQPB2892W/6rShu8bCPuczw4de1fr5g7jKSCrGFABLlc4q9Li0JSw=
-----END ENCRYPTED PRIVATE KEY-----
`;

/** The user `me`. */
export const passwords =
  "me:$7$101$1IwQ0zbsUyWoYdEm$JUv7uohe1UG/FHhfOhTARV+kQw/SUsF9xJcv9DlRo8pnSfzIOkLZCfy7dEoTLefiETnqVmMBNxbe5lfRmNp5mA==\n";
