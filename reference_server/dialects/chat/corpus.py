"""What the chatbot knows: general health information, in documents with sections.

Data only, in words of our own. It is no advice for one person, and says when to see one
who can give it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a document; below, a row of a table."""

    document: str
    heading: str
    text: str


CORPUS = (
    Section(
        "Asthma",
        "What it is",
        "In asthma the airways are inflamed and narrow now and then. Wheezing, a "
        "tight chest, coughing at night and shortness of breath come and go.",
    ),
    Section(
        "Asthma",
        "Triggers",
        "Pollen, dust mites, smoke, cold air, infections and exercise are common "
        "triggers. A diary shows which of them matter.",
    ),
    Section(
        "Asthma",
        "Inhalers",
        "A preventer is taken every day to calm the inflammation, a reliever opens "
        "the airways when there are symptoms. A spacer helps more of it to arrive.",
    ),
    Section(
        "Asthma",
        "When to get help",
        "Call an emergency number when the reliever does not help, when it is hard to "
        "speak a whole sentence, or when lips turn blue.",
    ),
    Section(
        "High blood pressure",
        "What it is",
        "Blood pressure is high when it is often above 140 over 90. Most people feel "
        "nothing, yet over years it harms heart, brain, kidneys and eyes.",
    ),
    Section(
        "High blood pressure",
        "Measuring at home",
        "Sit for five minutes, arm at the height of the heart, cuff on bare skin. "
        "Measure twice in the morning and twice in the evening, and write it down.",
    ),
    Section(
        "High blood pressure",
        "What helps",
        "Less salt, less alcohol, more movement, and losing weight lower the pressure. "
        "Tablets work only while they are taken.",
    ),
    Section(
        "Type 2 diabetes",
        "What it is",
        "The body answers less and less to insulin, and sugar stays in the blood. "
        "Thirst, tiredness and passing much urine are signs; often there are none.",
    ),
    Section(
        "Type 2 diabetes",
        "Food",
        "Vegetables, pulses and whole grain raise blood sugar slowly, sweet drinks "
        "raise it fast. Regular meals make it easier to keep it level.",
    ),
    Section(
        "Type 2 diabetes",
        "Low blood sugar",
        "Shaking, sweating and confusion are signs of low blood sugar. Take fifteen "
        "grams of sugar, wait fifteen minutes, and measure again.",
    ),
    Section(
        "Type 2 diabetes",
        "Feet",
        "High sugar harms nerves, so that small wounds are not felt. Look at your feet "
        "every day, and have a wound that does not heal seen within a day.",
    ),
    Section(
        "Migraine",
        "What it is",
        "A migraine is a strong, often throbbing headache, mostly on one side, with "
        "nausea and a dislike of light and noise. Some people see an aura before.",
    ),
    Section(
        "Migraine",
        "Treating an attack",
        "Pain relief works best when it is taken early. A dark, quiet room and sleep "
        "help. On more than ten days a month, pain relief itself gives headaches.",
    ),
    Section(
        "Migraine",
        "Preventing attacks",
        "Regular sleep, regular meals and enough to drink prevent some attacks. With "
        "four attacks a month or more, a preventive medicine is worth a talk.",
    ),
    Section(
        "Back pain",
        "What to expect",
        "Most back pain is gone in a few weeks, whatever is done. A scan rarely shows "
        "the cause and rarely changes the treatment.",
    ),
    Section(
        "Back pain",
        "What helps",
        "Keep moving and go on with daily life as well as you can; bed rest makes it "
        "last longer. Heat and exercise ease the pain.",
    ),
    Section(
        "Back pain",
        "Warning signs",
        "See a doctor at once with numbness between the legs, a weak leg, trouble "
        "passing urine, fever, or after a fall.",
    ),
    Section(
        "Sleep",
        "Better nights",
        "Get up at the same time every day, keep the bedroom dark and cool, and leave "
        "the bed when you lie awake. Coffee after noon is felt at midnight.",
    ),
    Section(
        "Sleep",
        "Insomnia",
        "Trouble falling asleep three nights a week for three months is insomnia. A "
        "course of behavioural therapy helps more, and for longer, than tablets.",
    ),
    Section(
        "Sleep",
        "Sleep apnoea",
        "Loud snoring with pauses of breath and tiredness by day point to sleep "
        "apnoea. It is found by a night of measuring and treated with air pressure.",
    ),
    Section(
        "Colds and flu",
        "Telling them apart",
        "A cold begins slowly, with a runny nose and a sore throat. Flu begins at "
        "once, with fever, aching limbs and exhaustion.",
    ),
    Section(
        "Colds and flu",
        "Looking after yourself",
        "Rest, drink enough, and take something against pain or fever. Antibiotics do "
        "nothing against a virus.",
    ),
    Section(
        "Colds and flu",
        "Vaccination",
        "The flu vaccine is made anew every year and given in autumn. It is advised "
        "from sixty on, in pregnancy, and with a chronic illness.",
    ),
    Section(
        "Hay fever",
        "What it is",
        "Hay fever is an allergy to pollen: sneezing, a blocked nose and itching eyes "
        "in the months when the plant is in flower.",
    ),
    Section(
        "Hay fever",
        "What helps",
        "A nasal spray with a steroid, begun two weeks before the season, works best. "
        "Antihistamines act within an hour. Washing your hair takes pollen off.",
    ),
    Section(
        "Heart attack",
        "Signs",
        "Pressure or pain in the chest that lasts, and may go to arm, jaw or back, "
        "with sweat and fear. In women it is more often nausea or breathlessness.",
    ),
    Section(
        "Heart attack",
        "What to do",
        "Call an emergency number at once, do not drive yourself, sit up, and loosen "
        "tight clothes. Every minute counts for the heart muscle.",
    ),
    Section(
        "Stroke",
        "Signs",
        "One side of the face hangs, one arm cannot be held up, speech is slurred. One "
        "of these is enough to call an emergency number.",
    ),
    Section(
        "Stroke",
        "Afterwards",
        "Exercise of what was lost begins in the first days and goes on for months. "
        "Low blood pressure and not smoking prevent another stroke.",
    ),
    Section(
        "Medicines",
        "Taking them safely",
        "Keep a list of all medicines and show it wherever you are treated. Do not "
        "stop one by yourself: some must be reduced step by step.",
    ),
    Section(
        "Medicines",
        "Pain relief",
        "Paracetamol is safe up to the dose on its leaflet, and harms the liver above "
        "it. Ibuprofen can harm stomach and kidneys when it is taken for long.",
    ),
    Section(
        "Medicines",
        "Antibiotics",
        "Antibiotics act against bacteria alone. Take them as long as you were told "
        "to, and never those that were left over.",
    ),
    Section(
        "Movement",
        "How much",
        "Two and a half hours a week in which you breathe faster, and two sessions for "
        "the muscles, lower the risk of many illnesses.",
    ),
    Section(
        "Movement",
        "Beginning",
        "Begin with ten minutes of walking a day and add a few each week. With heart "
        "disease or chest pain, ask a doctor before you begin.",
    ),
    Section(
        "Stress and low mood",
        "Signs",
        "Being on edge, sleeping badly and losing interest are signs of stress. When "
        "low mood lasts for two weeks on most days, it may be a depression.",
    ),
    Section(
        "Stress and low mood",
        "What helps",
        "Talking to others, movement, daylight and small plans help. Therapy and "
        "medicines treat a depression well; a family doctor knows the way there.",
    ),
)
