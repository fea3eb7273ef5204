"""The ways to make a service really have its plan, by the name that stands in the connection."""

from provisioners.http import HttpProvisioner
from provisioners.protocol import Provisioner

PROVISIONERS: dict[str, Provisioner] = {
    "http": HttpProvisioner(),
}
