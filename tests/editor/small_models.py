"""Small files with what the study's models lack: arrays, several views, ghosts, a module, text, odd names."""

FARM = """{UTF-8}
crop: rye, oats ~~|
field[crop]= INTEG (
\tgrowth[crop] - harvest[crop],
\t\t2.5)
\t~\thectare [0,?]
\t~\tIt's 5" wide
\t|
growth[crop] = rate * field[crop] ~ hectare/Year ~|
harvest[rye] = 0.5 ~ hectare/Year ~|
harvest[oats] = 0.25 * field[oats] * table(Time) ~ hectare/Year ~|
rate = 0.2 ~ 1/Year ~ {a note} |
table( [(0,0)-(10,10)],(0,1),(10,2)) ~~|
"the \\"good\\" barn, old" = INTEG(0, 1) ~~|
INITIAL TIME = 0 ~ Year ~|
FINAL TIME = 4 ~ Year ~|
SAVEPER = TIME STEP ~ Year ~|
TIME STEP = 1/4 ~ Year ~|
\\\\\\---/// Sketch information
V300  text
*Field
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,field,300,200,40,20,3,3,0,0,0,0,0,0
12,2,48,100,200,10,8,0,3,0,0,-1,0,0,0
1,3,5,1,4,0,0,22,0,0,0,-1--1--1,,1|(240,200)|
1,4,5,2,100,0,0,22,0,0,0,-1--1--1,,1|(140,200)|
11,5,0,200,200,6,8,34,3,0,0,1,0,0,0
10,6,growth,200,219,25,11,40,3,0,0,-1,0,0,0
12,7,0,50,60,70,8,8,7,0,0,-1,0,0,0
a comment
10,9,rate,200,300,20,11,8,3,0,0,0,0,0,0
10,10,Time,60,300,20,11,8,2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128
1,8,9,6,1,0,43,0,0,64,0,-1--1--1,,1|(150,260)|
10,11,harvest,420,300,25,11,8,3,0,0,0,0,0,0
\\\\\\---/// Sketch information
V300  text
*Barn
$192-192-192,0,Arial|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
10,1,"the \\"good\\" barn, old",302.5,200,40,20,3,3,0,0,0,0,0,0
10,2,rate,100,100,20,11,8,2,0,3,-1,0,0,0,128-128-128,0-0-0,|12||128-128-128
///---\\\\\\
:L\x7f<%^E!@
15:0,0,0,0,0,0
"""
TANK = """<?xml version="1.0" encoding="utf-8"?>
<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0">
<header><name>Tank</name><vendor>us</vendor><product version="1">us</product></header>
<sim_specs method="Euler" time_units="Hour"><start>0</start><stop>9</stop><dt reciprocal="true">4</dt></sim_specs>
<dimensions><dim name="side"><elem name="left"/><elem name="right"/></dim></dimensions>
<model><variables>
<!-- water -->
<stock name="water"><eqn>10</eqn><outflow>leak</outflow><units>Litre</units></stock>
<flow name="leak"><eqn>water / drain_time * SUM(hole[*])</eqn><units>Litre/Hour</units></flow>
<aux name="drain time"><eqn>8 &gt; 3</eqn><units>Hour</units><doc>slow</doc></aux>
<aux name="hole"><dimensions><dim name="side"/></dimensions><element subscript="left"><eqn>1</eqn></element>
<element subscript="right"><eqn>0.5 + gauge</eqn></element></aux>
<aux name="gauge"><eqn>TIME</eqn><gf><xscale min="0" max="9"/><ypts>0,0.5,0.2</ypts></gf></aux>
<module name="valve"><connect to="x" from=".gauge"/></module>
</variables><views><view type="stock_flow">
<stock name="water" x="100" y="100"/>
<flow name="leak" x="200" y="100"><pts><pt x="122.5" y="100"/><pt x="300" y="100"/></pts></flow>
<aux name="drain time" x="200" y="200"/><aux name="hole" x="280" y="220"/><aux name="gauge" x="100" y="300"/>
<alias uid="3" x="400" y="60"><of>water</of></alias>
<connector uid="4" angle="45" polarity="+"><from>drain_time</from><to>leak</to></connector>
<connector uid="5" angle="80"><from>hole</from><to>leak</to></connector>
<connector uid="6" angle="10"><from>water</from><to>leak</to></connector>
<module name="valve" x="400" y="200"/>
</view><view type="stock_flow"><aux name="gauge" x="50" y="50"/></view></views></model>
<model name="valve"><variables><aux name="x" access="input"><eqn>1</eqn></aux>
<aux name="twice"><eqn>2*x</eqn></aux></variables>
<views><view type="stock_flow"><aux name="x" x="50" y="50"/><aux name="twice" x="150" y="50"/></view></views></model>
</xmile>
"""
