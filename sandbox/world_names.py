"""Words that names are made of. All invented, or too common to belong to anyone."""

COMPANY_FIRST = (
    "Alder", "Amber", "Anchor", "Arrow", "Aspen", "Beacon", "Birch", "Bramble", "Canyon",
    "Cedar", "Cinder", "Clover", "Cobalt", "Copper", "Coral", "Crescent", "Dune", "Ember",
    "Falcon", "Fern", "Flint", "Garnet", "Glacier", "Granite", "Harbor", "Hazel", "Heron",
    "Indigo", "Iron", "Ivory", "Juniper", "Kestrel", "Lantern", "Larch", "Linden", "Lumen",
    "Maple", "Marble", "Meadow", "Mesa", "Nimbus", "Oak", "Ochre", "Onyx", "Opal", "Orchard",
    "Otter", "Pebble", "Pine", "Prairie",
)  # fmt: skip
COMPANY_SECOND = (
    "Analytics", "Apparel", "Bank", "Biotech", "Capital", "Clinics", "Controls", "Couriers",
    "Dental", "Energy", "Foods", "Freight", "Games", "Glassworks", "Hotels", "Insurance",
    "Instruments", "Labs", "Lending", "Logistics", "Media", "Motors", "Networks", "Optics",
    "Packaging", "Payments", "Pharma", "Plastics", "Press", "Robotics", "Schools", "Shipping",
    "Software", "Studios", "Textiles", "Tools", "Travel", "Water", "Wind", "Works",
)  # fmt: skip
INDUSTRIES = (
    "Banking", "Education", "Energy", "Healthcare", "Hospitality", "Logistics", "Manufacturing",
    "Media", "Retail", "Software",
)  # fmt: skip
GIVEN = (
    "Aisha", "Anders", "Beatriz", "Ben", "Carla", "Chen", "Dana", "Deepa", "Elena", "Emeka",
    "Farid", "Fiona", "Grace", "Haruto", "Ines", "Ivan", "Jonas", "Julia", "Kemal", "Lars",
    "Leila", "Lucia", "Marco", "Maya", "Mei", "Nadia", "Nils", "Olga", "Omar", "Paula",
    "Priya", "Quinn", "Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Tess", "Uma", "Viktor",
    "Wen", "Yara", "Yusuf", "Zoe",
)  # fmt: skip
FAMILY = (
    "Abe", "Almeida", "Bauer", "Berg", "Costa", "Dahl", "Diaz", "Eze", "Farah", "Fischer",
    "Garcia", "Gupta", "Haas", "Hansen", "Ito", "Jensen", "Kaya", "Khan", "Kim", "Larsen",
    "Lee", "Lopez", "Mbeki", "Moreau", "Nair", "Novak", "Okafor", "Olsen", "Park", "Petrov",
    "Quist", "Rao", "Reyes", "Rossi", "Sato", "Silva", "Singh", "Tanaka", "Varga", "Weber",
    "Wood", "Yilmaz", "Young", "Zhou",
)  # fmt: skip
CSMS = ("Hana Ortiz", "Louis Meyer", "Noor Haddad", "Petra Lindqvist", "Sam Achebe")
TITLES = ("Head of Analytics", "Data Analyst", "Operations Manager", "Product Manager", "CFO")
SUBJECTS = (
    "Dashboard does not load",
    "Export stops half way",
    "Figures differ from last week",
    "How do I share a report?",
    "Invite mail never arrives",
    "Login loops",
    "Scheduled report is late",
)
