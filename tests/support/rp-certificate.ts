/** Self-signed, for `rp.example` and `rp.inner.example`, until 2126; its own authority. Of tests only: nothing trusts it. */

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export const rpCertificate: Certificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBqzCCAVCgAwIBAgIUB0YKCrhqWSNckKoLiI0g5/PwhRAwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKcnAuZXhhbXBsZTAgFw0yNjExMjgxOTM5MDJaGA8yMTI2MTEw
NDE5MzkwMlowFTETMBEGA1UEAwwKcnAuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABOahId4s8SPKY36Or+bTRyzINvnuTHVrststSB7kBL0cbCqeWWUr
lbgZAXtsqUzYzbCJ2ibU5CiW7yzcDkn4DnGjfDB6MB0GA1UdDgQWBBRfKRVT6goM
qHQoNgSv+4f7uPXxkDAfBgNVHSMEGDAWgBRfKRVT6goMqHQoNgSv+4f7uPXxkDAP
BgNVHRMBAf8EBTADAQH/MCcGA1UdEQQgMB6CCnJwLmV4YW1wbGWCEHJwLmlubmVy
LmV4YW1wbGUwCgYIKoZIzj0EAwIDSQAwRgIhAI4JQsx1MIv3x6G0v8SeJwHHn1FJ
1zWJvhdCrJT34AbWAiEA2gz8ll1pvW34xtw5vf6k9FV8bjky6REC1X/oMJVn0M4=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/H7GZK84/I6Zd2oI
b8hm8Jgzfx/NyhuCAk0uN5LJ5xOhRANCAATmoSHeLPEjymN+jq/m00csyDb57kx1
a7LbLUge5AS9HGwqnlllK5W4GQF7bKlM2M2widom1OQolu8s3A5J+A5x
-----END PRIVATE KEY-----
`,
};
