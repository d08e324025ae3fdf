"""What exists: models, parameters, User-Agent forms and firmware generations, all of them data under templates/<vendor>/."""

from provisioner.catalogue.agent import Agent, AgentReader
from provisioner.catalogue.catalogue import Catalogue
from provisioner.catalogue.generation import Generation
from provisioner.catalogue.load import load_catalogue, vendor_folders
from provisioner.catalogue.model import Expansion, Model
from provisioner.catalogue.parameter import Caution, Parameter
from provisioner.catalogue.permitted import RESET
from provisioner.catalogue.vendor import Vendor

__all__ = [
    "RESET",
    "Agent",
    "AgentReader",
    "Catalogue",
    "Caution",
    "Expansion",
    "Generation",
    "Model",
    "Parameter",
    "Vendor",
    "load_catalogue",
    "vendor_folders",
]
