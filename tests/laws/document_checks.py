"""A small file of each format that has a bit of everything, and what holds of whatever is read."""

MDL = """{UTF-8}
****
\t.Farm "one"
****~
\t\tFields & barns
\t|
Größe[crop] :EXCEPT: [rye]= INTEG (
\tgrowth[crop] - \\
\t\tharvest, {at first}
\t\t\t2.5)
\t~\thectare [0,?]
\t~\tIt's 5" wide
\t|
crop: rye, oats ~~|
"growth | net"[crop] = table(Time) * Größe[crop] ~ ~ ~:SUPPLEMENTARY|
harvest= 0.5 ~ 1/Year ~|
table( [(0,0)-(10,10)],(0,1),(10,2)) ~~|
:MACRO: TWICE(x)
TWICE = x*2 ~~|
:END OF MACRO:
TIME STEP = 1/4 ~~|
\\\\\\---/// Sketch information
V300  text
*Field
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,Größe,300,200,40,20,3,3,0,0,0,0,0,0
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,0,1,0,0,0
10,6,harvest,200,219,25,11,40,3,0,0,-1,0,0,0
12,7,0,50,60,70,8,8,7,0,0,-1,0,0,0
a comment
1,8,1,6,1,0,43,0,0,64,0,-1--1--1,,1|(150,100)|
///---\\\\\\
:L\x7f<%^E!@
15:0,0,0,5,0,0
22:Hectare,ha
"""
XMILE = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><name>Farm</name></header>
<sim_specs method="RK4" time_units="Year"><start>0</start><stop>9</stop>
<dt reciprocal="true">4</dt></sim_specs>
<dimensions><dim name="crop"><elem name="rye"/><elem name="oats"/></dim></dimensions>
<model><variables>
<!-- fields -->
<stock name="Größe"><eqn>2 &lt; <![CDATA[3]]></eqn><outflow>harvest</outflow><non_negative/></stock>
<flow name="harvest"><eqn>0.5</eqn><units>1/Year</units></flow>
<aux name="sun\\nshine"><eqn>TIME</eqn><gf><xscale min="0" max="1"/><ypts>1,2</ypts></gf></aux>
<aux name="yield"><dimensions><dim name="crop"/></dimensions>
<element subscript="rye"><eqn>1</eqn></element></aux>
<module name="barn"><connect to="x" from=".harvest"/></module>
</variables><views><view type="stock_flow"><style><aux color="red"/></style>
<stock name="Größe" x="100" y="50"/>
<flow name="harvest" x="150" y="50"><pts><pt x="122" y="50"/><pt x="200" y="50"/></pts></flow>
<aux name="sun\\nshine" x="1" y="2" width="20" height="10"/><alias uid="3" x="5" y="6"><of>Größe</of></alias>
<connector angle="45" polarity="+"><from><alias uid="3"/></from><to>harvest</to></connector>
</view></views></model>
<model name="barn"><variables><aux name="x" access="input"/></variables></model></xmile>
"""


def check_spans(document):
    """Every span lies in the bytes; spans of names and equations hold the text that the entry gives."""
    size = len(document.bytes)
    for entry in document.variables.values():
        for block in entry.blocks:
            for span in block.spans.values():
                assert 0 <= span.start <= span.stop <= size
            if document.format == "vensim" and "equation" in block.spans:
                span = block.spans["equation"]
                assert document.bytes[span.start : span.stop].decode(document.encoding) == block.equation
    for view in document.views:
        ids = [element.id for element in view.elements]
        assert len(ids) == len(set(ids))
        for element in view.elements:
            for span in element.spans.values():
                assert 0 <= span.start <= span.stop <= size
