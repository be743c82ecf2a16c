"""The attributes that a new object shares with its source, by information entity (PS3.3 C.7)."""

__all__ = [
    "INSTITUTION",
    "PATIENT_OPTIONAL",
    "PATIENT_REQUIRED",
    "SERIES_IDENTITY",
    "SERIES_OPTIONAL",
    "STUDY_OPTIONAL",
    "STUDY_REQUIRED",
]

PATIENT_REQUIRED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
"""Patient module, Type 2 (PS3.3 C.7.1.1)."""

PATIENT_OPTIONAL = (
    "IssuerOfPatientID",
    "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthTime",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "EthnicGroup",
    "PatientComments",
    "PatientSpeciesDescription",
    "PatientSpeciesCodeSequence",
    "PatientBreedDescription",
    "PatientBreedCodeSequence",
    "BreedRegistrationSequence",
    "ResponsiblePerson",
    "ResponsiblePersonRole",
    "ResponsibleOrganization",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "QualityControlSubject",
)
"""Patient module, Type 3 and conditional, with what de-identification left."""

STUDY_REQUIRED = ("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID")
"""General Study module, Type 2 (PS3.3 C.7.2.1)."""

STUDY_OPTIONAL = (
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianIdentificationSequence",
    "PhysiciansOfRecord",
    "ProcedureCodeSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "Occupation",
    "AdditionalPatientHistory",
    "AdmissionID",
    "PregnancyStatus",
    "PatientSexNeutered",
    "TimezoneOffsetFromUTC",
    "LongitudinalTemporalInformationModified",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    "ClinicalTrialTimePointID",
    "ClinicalTrialTimePointDescription",
)
"""General Study, Patient Study and Clinical Trial modules, Type 3 (PS3.3 C.7.1.3, C.7.2)."""

SERIES_OPTIONAL = ("BodyPartExamined", "ProtocolName", "OperatorsName")
"""What a new series keeps of the examination (PS3.3 C.7.3.1)."""

SERIES_IDENTITY = (
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDate",
    "SeriesTime",
    "SeriesDescription",
)
"""What all objects of a series have in common (PS3.3 C.7.3.1)."""

INSTITUTION = (
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
)
"""Where the equipment stands (PS3.3 C.7.5.1)."""
