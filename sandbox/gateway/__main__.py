from sandbox.gateway.api import application
from sandbox.gateway.store import GatewayStore
from sandbox.program import options, serve


def main() -> None:
    given = options("A payment gateway for tests and demonstrations.").parse_args()
    serve(application(GatewayStore(given.folder)), given.port)


if __name__ == "__main__":
    main()
