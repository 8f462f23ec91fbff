"""A small XMILE model, and the lines that an edit of it changes."""

from sdtheory.documents import from_bytes

NAMESPACE = "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"
TANK = f"""<xmile version="1.0" xmlns="{NAMESPACE}">
	<header/>
	<sim_specs method="Euler">
		<start>0</start>
		<stop>10</stop>
		<dt>0.5</dt>
	</sim_specs>
	<model>
		<variables>
			<stock name="water">
				<eqn>100</eqn>
				<outflow>drain_pipe</outflow>
			</stock>
			<flow name="drain pipe">
				<eqn>water / "draining-time"</eqn>
				<units>litre/minute</units>
			</flow>
			<aux name="draining-time">
				<eqn>4</eqn>
			</aux>
			<group name="all"><entity name="water"/><entity name="draining-time"/></group>
		</variables>
		<views>
			<view type="stock_flow">
				<stock name="water" x="100" y="100"/>
				<flow name="drain\\npipe" x="200" y="100">
					<pts>
						<pt x="122.5" y="100"/>
						<pt x="280" y="100"/>
					</pts>
				</flow>
				<aux name="draining-time" x="200" y="200" width="60" height="20"/>
				<connector uid="4" angle="90">
					<from>"draining-time"</from>
					<to>drain_pipe</to>
				</connector>
			</view>
		</views>
	</model>
</xmile>
"""


def document(text=TANK):
    return from_bytes(text.encode(), "xmile")


def changed(before, after):
    """Lines taken away and lines added, without the white space around them."""
    lines = [line for line in before.diff(after).splitlines()[2:] if line[:1] in "+-"]
    return (
        [line[1:].strip() for line in lines if line[0] == "-"],
        [line[1:].strip() for line in lines if line[0] == "+"],
    )


def edited(verb, *arguments, text=TANK, **options):
    """Lines that an edit takes away, and lines that it adds."""
    before = document(text)
    return changed(before, getattr(before, verb)(*arguments, **options))
