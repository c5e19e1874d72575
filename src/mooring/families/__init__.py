"""List the supported encoder families by `model_type` of config.json. A new one is a file and a row here."""

from collections.abc import Mapping

from mooring.families.base import Family
from mooring.families.bert import BERT
from mooring.families.distilbert import DISTILBERT
from mooring.families.mpnet import MPNET
from mooring.families.roberta import CAMEMBERT, ROBERTA, XLM_ROBERTA

FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (BERT, DISTILBERT, ROBERTA, XLM_ROBERTA, CAMEMBERT, MPNET)
}
