"""External storage through the SDK's own converter."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from activities.blobs import DirectoryBlobs
from activities.ports import BlobDamaged, BlobMissing
from activities.storage import DRIVER, THRESHOLD_BYTES, BlobDriver, with_external_storage


def converter(root: Path) -> DataConverter:
    return with_external_storage(pydantic_data_converter, DirectoryBlobs(root))


def stored(root: Path) -> int:
    return sum(path.is_file() for path in root.rglob("*"))


async def test_large_value_leaves_only_a_reference_and_comes_back_whole(tmp_path: Path) -> None:
    value = {"text": "x" * 5_000_000}
    (payload,) = await converter(tmp_path).encode([value])
    assert payload.ByteSize() < 400
    assert DRIVER.encode() in payload.data
    assert await converter(tmp_path).decode([payload], [dict]) == [value]


async def test_small_value_stays_in_history(tmp_path: Path) -> None:
    (payload,) = await converter(tmp_path).encode(["x" * (THRESHOLD_BYTES - 1000)])
    assert payload.ByteSize() > THRESHOLD_BYTES - 1000
    assert stored(tmp_path) == 0


async def test_equal_values_are_stored_once(tmp_path: Path) -> None:
    value = "x" * 100_000
    payloads = await converter(tmp_path).encode([value, value, value])
    assert len({payload.data for payload in payloads}) == 1
    assert stored(tmp_path) == 1
    assert await converter(tmp_path).decode(payloads, [str] * 3) == [value] * 3


async def test_equal_payloads_are_equal_blobs_whatever_the_order_of_their_metadata(tmp_path: Path) -> None:
    one = Payload(metadata={"a": b"1", "encoding": b"x", "z": b"2"}, data=b"d")
    other = Payload(metadata={"z": b"2", "encoding": b"x", "a": b"1"}, data=b"d")
    driver = BlobDriver(DirectoryBlobs(tmp_path))
    claims = await driver.store(StorageDriverStoreContext(), [one, other])
    assert claims[0].claim_data == claims[1].claim_data


async def test_reference_to_what_another_store_has_is_an_error_that_says_so(tmp_path: Path) -> None:
    payloads = await converter(tmp_path / "one").encode(["x" * 100_000])
    with pytest.raises(BlobMissing, match="use the blob store that the run was started with"):
        await converter(tmp_path / "other").decode(payloads, [str])


async def test_claim_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    driver = BlobDriver(DirectoryBlobs(tmp_path))
    (claim,) = await driver.store(StorageDriverStoreContext(), [Payload(data=b"d")])
    forged = StorageDriverClaim({**claim.claim_data, "size": "1"})
    with pytest.raises(BlobDamaged, match="but history says 1"):
        await driver.retrieve(StorageDriverRetrieveContext(), [forged])


def test_name_that_histories_hold_stays() -> None:
    assert BlobDriver(DirectoryBlobs(Path("x"))).name() == "detent"
