from sandbox.host.api import application
from sandbox.host.store import HostStore
from sandbox.program import options, serve


def main() -> None:
    given = options("A host for tests and demonstrations.").parse_args()
    serve(application(HostStore(given.folder)), given.port)


if __name__ == "__main__":
    main()
