"""A test CA and what it signs, by the `openssl` command."""

from pathlib import Path

from .processes import run


class Authority:
    """A certificate authority that lives in a folder."""

    def __init__(self, folder: Path, name="test"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate = folder / f"{name}-ca.pem"
        self.key = folder / f"{name}-ca.key"
        run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-days", "2", "-subj", f"/CN={name} CA", "-keyout", self.key, "-out", self.certificate]
        )

    def issue(self, name, alternative_name):
        """A certificate for `alternative_name` (as in `DNS:host`), and its key: two PEM files."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=critical,{alternative_name}\n")
        run(
            ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            + ["-subj", "/", "-keyout", key, "-out", request]
        )
        run(
            ["openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key]
            + ["-set_serial", str(abs(hash(name)) + 1), "-days", "2", "-extfile", extensions, "-out", certificate]
        )
        return certificate, key
