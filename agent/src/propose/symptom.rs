//! What the way in which a test fails says about the template that mends it.
//!
//! A crash names its kind of mistake far more often than a wrong result does: a `None` that is compared wants a guard, not another constant.
//! The factors are weights on priors, not filters; they follow the pairing of exceptions with fix patterns in PAR (Kim et al. 2013),
//! TBar's patterns FP2 and FP10 (Liu et al. 2019) and PyTER's table for type errors (Oh and Oh 2022).

use super::TemplateId;

/// How a failing test fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Symptom {
    /// Something is `None` where a value is needed.
    NoneValue,
    /// A key is missing.
    MissingKey,
    /// An index is out of range.
    OutOfRange,
    /// Something is empty, or a divisor is zero.
    Empty,
    /// A call has too many, too few or unknown arguments.
    WrongArguments,
    /// An attribute does not exist on the object.
    MissingAttribute,
    /// A value has the wrong type.
    WrongType,
    /// A variable is read before it is assigned.
    Unbound,
    /// The test does not end, or recurses without end.
    Endless,
    /// A wrong result, or an exception that says nothing of the mistake.
    Other,
}

impl Symptom {
    /// Reads the symptom from an exception's type and message; both are the tested program's own words.
    pub fn of_exception(name: &str, message: &str) -> Symptom {
        let about_none = message.contains("NoneType");
        match name.rsplit('.').next().unwrap_or(name) {
            "AttributeError" | "TypeError" if about_none => Symptom::NoneValue,
            "AttributeError" => Symptom::MissingAttribute,
            "TypeError" if ["argument", "positional", "keyword"].iter().any(|word| message.contains(word)) => {
                Symptom::WrongArguments
            }
            "TypeError" => Symptom::WrongType,
            "KeyError" => Symptom::MissingKey,
            "IndexError" if message.contains("empty") => Symptom::Empty,
            "IndexError" => Symptom::OutOfRange,
            "ZeroDivisionError" | "StopIteration" => Symptom::Empty,
            "ValueError" if message.contains("empty") => Symptom::Empty,
            "UnboundLocalError" | "NameError" => Symptom::Unbound,
            "RecursionError" | "MemoryError" => Symptom::Endless,
            _ => Symptom::Other,
        }
    }

    /// Returns the factor by which a template's prior grows when a test fails in this way; 1 where the two have nothing to do with each other.
    pub fn affinity(self, template: TemplateId) -> f64 {
        self.table().iter().find(|(prefix, _)| template.starts_with(prefix)).map_or(1.0, |(_, factor)| *factor)
    }

    fn table(self) -> &'static [(&'static str, f64)] {
        match self {
            Symptom::NoneValue => &[
                ("guard/", 6.0),
                ("wrap/or", 4.0),
                ("wrap/conditional", 4.0),
                ("condition/strengthen", 3.0),
                ("condition/relax", 2.0),
                ("control/add-return", 4.0),
                ("control/return", 3.0),
                ("statement/put-under-if", 3.0),
                ("literal/", 0.5),
                ("operator/", 0.5),
            ],
            Symptom::MissingKey => &[
                ("guard/", 5.0),
                ("wrap/method", 4.0),
                ("statement/try", 3.0),
                ("condition/strengthen", 2.0),
                ("literal/text", 2.0),
                ("variable/", 1.5),
            ],
            Symptom::OutOfRange => &[
                ("boundary/", 4.0),
                ("guard/", 3.0),
                ("condition/strengthen", 3.0),
                ("operator/comparison", 2.0),
                ("control/while-condition", 2.0),
            ],
            Symptom::Empty => &[
                ("guard/", 5.0),
                ("condition/strengthen", 3.0),
                ("control/while-condition", 3.0),
                ("wrap/conditional", 3.0),
                ("wrap/or", 2.0),
                ("call/add-keyword", 2.0),
                ("condition/", 2.0),
            ],
            Symptom::WrongArguments => &[("call/", 4.0), ("collection/", 1.5)],
            Symptom::MissingAttribute => &[("attribute/", 4.0), ("variable/", 2.0), ("wrap/", 2.0), ("guard/", 2.0)],
            Symptom::WrongType => {
                &[("wrap/", 3.0), ("guard/", 3.0), ("collection/", 2.0), ("variable/", 1.5), ("operator/", 0.7)]
            }
            Symptom::Unbound => &[("statement/", 3.0), ("variable/", 3.0), ("control/", 2.0)],
            Symptom::Endless => &[
                ("control/", 2.0),
                ("condition/", 2.0),
                ("call/exchange", 3.0),
                ("variable/", 1.5),
                ("boundary/", 1.5),
                ("operator/augmented", 2.0),
                ("operator/", 1.5),
            ],
            Symptom::Other => &[],
        }
    }
}

/// Returns the factor for a template over all symptoms of a job: the mean, so that one odd test does not decide.
pub fn mean_affinity(symptoms: &[Symptom], template: TemplateId) -> f64 {
    if symptoms.is_empty() {
        return 1.0;
    }
    symptoms.iter().map(|symptom| symptom.affinity(template)).sum::<f64>() / symptoms.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_name_their_mistake() {
        for (name, message, symptom) in [
            ("TypeError", "'<' not supported between instances of 'NoneType' and 'int'", Symptom::NoneValue),
            ("AttributeError", "'NoneType' object has no attribute 'x'", Symptom::NoneValue),
            ("AttributeError", "'str' object has no attribute 'decode'", Symptom::MissingAttribute),
            ("TypeError", "f() missing 1 required positional argument: 'b'", Symptom::WrongArguments),
            ("TypeError", "can only concatenate str (not \"int\") to str", Symptom::WrongType),
            ("KeyError", "'a'", Symptom::MissingKey),
            ("IndexError", "list index out of range", Symptom::OutOfRange),
            ("IndexError", "pop from empty list", Symptom::Empty),
            ("ValueError", "max() arg is an empty sequence", Symptom::Empty),
            ("builtins.ZeroDivisionError", "division by zero", Symptom::Empty),
            ("RecursionError", "maximum recursion depth exceeded", Symptom::Endless),
            ("AssertionError", "assert 1 == 2", Symptom::Other),
        ] {
            assert_eq!(Symptom::of_exception(name, message), symptom, "{name}: {message}");
        }
    }

    #[test]
    fn factors_weigh_and_never_forbid() {
        assert!(Symptom::NoneValue.affinity("guard/continue") > Symptom::NoneValue.affinity("operator/comparison"));
        assert_eq!(Symptom::Other.affinity("guard/continue"), 1.0);
        for symptom in [Symptom::NoneValue, Symptom::Endless, Symptom::WrongType] {
            for template in crate::propose::template::all() {
                assert!(symptom.affinity(template.id()) > 0.0);
            }
        }
        assert_eq!(mean_affinity(&[Symptom::Other, Symptom::NoneValue], "guard/raise"), 3.5);
        assert_eq!(mean_affinity(&[], "guard/raise"), 1.0);
    }
}
