//! How domain values lie in columns: ids as `UUID`/`BLOB`, words and amounts as text.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};
use uuid::Uuid;

use crate::domain::account::{AuthType, LoginMode, OperationMode, PollingMethod, Role, SessionType};
use crate::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use crate::domain::ids::{
    AccountId, AllocationId, ApiKeyId, AssistanceId, AttemptId, BankId, BankLoginId, DeliveryId, EventId,
    ExpectedPaymentId, JobId, MovementId, OrgId, RunId, UserId,
};
use crate::domain::money::{Amount, Currency};
use crate::domain::movement::{BookingStatus, CreditDebit};
use crate::domain::run::{Outcome, RunKind, RunState, Trigger};
use crate::store::deliveries::Endpoint;

macro_rules! as_uuid {
    ($($id:ty),+ $(,)?) => {$(
        impl<DB: Database> Type<DB> for $id where Uuid: Type<DB> {
            fn type_info() -> DB::TypeInfo { <Uuid as Type<DB>>::type_info() }
            fn compatible(ty: &DB::TypeInfo) -> bool { <Uuid as Type<DB>>::compatible(ty) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $id where Uuid: Encode<'q, DB> {
            fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode_by_ref(buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $id where Uuid: Decode<'r, DB> {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                Uuid::decode(value).map(Self)
            }
        }
    )+};
}

/// Text columns: `$write` gives the stored form, `$read` takes it back or says why not.
macro_rules! as_text {
    ($($type:ty: $write:expr, $read:expr);+ $(;)?) => {$(
        impl<DB: Database> Type<DB> for $type where String: Type<DB> {
            fn type_info() -> DB::TypeInfo { <String as Type<DB>>::type_info() }
            fn compatible(ty: &DB::TypeInfo) -> bool { <String as Type<DB>>::compatible(ty) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $type where String: Encode<'q, DB> {
            fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let write: fn(&$type) -> String = $write;
                <String as Encode<'q, DB>>::encode(write(self), buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $type where String: Decode<'r, DB> {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn(&str) -> Result<$type, BoxDynError> = $read;
                read(&String::decode(value)?)
            }
        }
    )+};
}

macro_rules! as_word {
    ($($type:ty),+ $(,)?) => {
        as_text! {$(
            $type: |value| value.word().to_owned(), |text| <$type>::from_word(text)
                .ok_or_else(|| format!("unknown {} \"{text}\"", stringify!($type)).into());
        )+}
    };
}

as_uuid!(
    AccountId,
    AllocationId,
    AssistanceId,
    ApiKeyId,
    AttemptId,
    BankId,
    BankLoginId,
    DeliveryId,
    EventId,
    ExpectedPaymentId,
    JobId,
    MovementId,
    OrgId,
    RunId,
    UserId,
);
as_word!(
    AttemptReason,
    AttemptResult,
    AuthType,
    BookingStatus,
    CaseStatus,
    CreditDebit,
    Endpoint,
    LoginMode,
    OperationMode,
    Outcome,
    PollingMethod,
    Role,
    RunKind,
    RunState,
    SessionType,
    Trigger,
);
as_text! {
    Amount: |amount| amount.to_fixed_width(), |text| Ok(text.parse::<Amount>()?);
    Currency: |currency| currency.code().to_owned(), |text| Ok(text.parse::<Currency>()?);
}
