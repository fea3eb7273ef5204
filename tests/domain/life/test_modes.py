"""A life in each mode keeps the sentence of its mode (tests/support/life_modes.py)."""

from tests.domain.life.machine import lived
from tests.support import life_modes as modes

TestByTheDay = lived(modes.ByTheDay)
TestTheOldPlanHasTheDay = lived(modes.TheOldPlanHasTheDay)
TestBySeconds = lived(modes.BySeconds)
TestByThirtyDays = lived(modes.ByThirtyDays)
TestByNominalDays = lived(modes.ByNominalDays)
TestANewPeriod = lived(modes.ANewPeriod)
TestANewPeriodBySeconds = lived(modes.ANewPeriodBySeconds)
TestAnotherCycleBeginsNow = lived(modes.AnotherCycleBeginsNow)
TestTheRenewalDateIsKept = lived(modes.TheRenewalDateIsKept)
TestTheRenewalDateIsKeptBySeconds = lived(modes.TheRenewalDateIsKeptBySeconds)
TestTheRenewalDateIsKeptByThirtyDays = lived(modes.TheRenewalDateIsKeptByThirtyDays)
TestADayOfTheMonth = lived(modes.ADayOfTheMonth)
TestNothingComesBack = lived(modes.NothingComesBack)
TestANewPeriodAndNothingBack = lived(modes.ANewPeriodAndNothingBack)
TestCreditPaysTheNewPlanOnly = lived(modes.CreditPaysTheNewPlanOnly)
TestSmallChargesAreRaised = lived(modes.SmallChargesAreRaised)
TestSmallChargesAreWaived = lived(modes.SmallChargesAreWaived)
TestNothingNow = lived(modes.NothingNow)
TestTheLastPlansPrice = lived(modes.TheLastPlansPrice)
TestTheDifferences = lived(modes.TheDifferences)
