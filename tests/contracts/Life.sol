// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Link, SignedBatch} from "../../contracts/interfaces/IProvenanceLedger.sol";
import {HoldKind, Kind, Method, Outcome, Phase, Role, Stage} from "../../contracts/types/Numbers.sol";
import {Fold, State} from "./Fold.sol";
import {Laws} from "./Laws.sol";
import {Entry, Member, Told} from "./Pen.sol";
import {vm} from "./Vm.sol";

/// @dev Everybody's life at random: one door for each kind of event, and doors for administrators, time, replays,
/// groups and lying carriers. Mostly the right party says the right thing, sometimes anybody says anything. What the
/// ledger then records is judged by `Laws`.
contract Life is Laws {
    using Fold for State;

    uint256 private constant MOST_BIRTHS = 12; // of each sort
    uint256[3] private people = [ALICE, BOB, CAROL];
    mapping(bytes32 organization => Member) private memberBy;
    Member[] private members;
    mapping(bytes32 item => bytes32) private commitments; // of enrolled items
    bytes[] private carried; // batches that were carried, for replays
    uint256 public bent; // lies of carriers that took effect
    uint256 public replayed;
    uint256 public refusals;
    uint256 public calls;

    function setUp() public override {
        super.setUp();
        Member[8] memory all = [consortium, maison, rival, tannery, shop, platform, store, outsider];
        uint8[8] memory roles =
            [0, Role.BRAND, Role.BRAND, Role.SUPPLIER, Role.RETAILER, Role.PLATFORM, Role.AUTHENTICATOR, Role.ALL];
        for (uint256 i = 0; i < all.length; i++) {
            Member memory m = all[i];
            members.push(m);
            memberBy[m.id] = m;
            (isMember[m.id], signs[m.id][m.signer], rolesOf[m.id]) = (true, true, roles[i]);
        }
        grants[maison.id][shop.id][Role.RETAILER] = Grant({scope: type(uint64).max, from: 0, until: 0});
        grants[maison.id][store.id][Role.AUTHENTICATOR] = Grant({scope: type(uint64).max, from: 0, until: 0});
        _grant(consortium, store, Role.AUTHENTICATOR, type(uint64).max, 0);
    }

    modifier counted() {
        calls++;
        _;
    }

    function countOf(uint8 kind) external view returns (uint256) {
        return recordedOf[kind];
    }

    // Doors, one for each kind

    function rawMaterial(uint256 seed) external counted {
        if (recordedOf[Kind.RAW_MATERIAL] < MOST_BIRTHS) _say(lotBirth(tannery), seed % 8 == 0 ? _any(seed) : tannery);
    }

    function manufacture(uint256 seed) external counted {
        (bool found, bytes32 item) = _find(seed, Stage.ENROLLED, Stage.ENROLLED);
        if (found && seed % 3 == 0) {
            bytes32 commitment = commitments[item];
            _say(write(Kind.MANUFACTURE, item, commitment, detailOf(0, 0, 0, WATCH, false)), _speaker(item, seed));
        } else if (recordedOf[Kind.MANUFACTURE] < 2 * MOST_BIRTHS) {
            Member memory by = seed % 2 == 0 ? maison : rival;
            _say(birth(by), seed % 16 == 1 ? _any(seed) : by);
        }
    }

    function shipment(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.LOT, Stage.UNSOLD);
        Member memory by = seed % 8 == 0 ? _speaker(item, seed) : _holder(item, seed);
        _say(write(Kind.SHIPMENT, item, seed % 8 == 0 ? by.id : _any(seed >> 16).id, 0), by);
    }

    function sale(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.UNSOLD, Stage.UNSOLD);
        _say(write(Kind.SALE, item, _person(seed >> 8), 0), _holder(item, seed));
    }

    function resale(uint256 seed) external counted {
        _passOn(Kind.RESALE, seed);
    }

    function transfer(uint256 seed) external counted {
        _passOn(Kind.TRANSFER, seed);
    }

    function verdict(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.UNSOLD, Stage.ENROLLED);
        uint8 outcome = uint8(seed >> 8) % 4 == 0 ? Outcome.NOT_AUTHENTIC : Outcome.AUTHENTIC;
        uint40 expiry = seed >> 20 & 1 == 0 ? 0 : uint40(now_() + 1 + uint16(seed >> 24));
        uint64 detail = detailOf(outcome, uint8(seed >> 12) % 3 + 1, expiry, 0, false);
        _say(write(Kind.VERDICT, item, 0, detail), seed % 4 == 0 ? _any(seed >> 16) : store);
    }

    function enrolment(uint256 seed) external counted {
        if (recordedOf[Kind.ENROLMENT] >= MOST_BIRTHS) return;
        uint256 presenter = people[seed % 3];
        bytes32 brand = seed % 2 == 0 ? oldHouse : maison.id;
        Entry memory n = enrolment(brand, presenter);
        noteAgreement(n);
        commitments[n.e.item] = n.opening[0].serialCommitment;
        bool endorses = brand == maison.id && seed % 16 > 1;
        if (endorses) n = endorsed(n, brand, maison);
        if (endorses && !isSuspended[maison.id]) agreements[keccak256(abi.encode("endorsed", n.e.item))] = true;
        _say(n, store);
    }

    function dispute(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.LOT, Stage.ENROLLED);
        if (seed % 4 == 0) _sayAgreed(consentedTo(Kind.DISPUTE, item), _any(seed), seed);
        else _say(write(Kind.DISPUTE, item), seed % 4 == 1 ? _any(seed >> 8) : _speaker(item, seed));
    }

    function ruling(uint256 seed) external counted {
        bytes32 item = _held(seed, HoldKind.DISPUTED);
        uint8 outcome = seed % 8 == 0 ? Outcome.NOT_AUTHENTIC : Outcome.AUTHENTIC;
        Member memory by = seed % 4 == 0 ? consortium : _speaker(item, seed);
        _say(write(Kind.RULING, item, 0, detailOf(outcome, 0, 0, 0, false)), by);
    }

    function service(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.LOT, Stage.ENROLLED);
        if (seed % 2 == 0) _sayAgreed(consentedTo(Kind.SERVICE, item), _any(seed >> 8), seed);
        else _say(write(Kind.SERVICE, item), _any(seed >> 8));
    }

    function hold(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.LOT, Stage.ENROLLED);
        uint8 index = uint8(seed >> 8) % HoldKind.COUNT;
        if (!known(item).isSold()) return _say(holding(item, index, false), _holder(item, seed));
        Member memory by = index == HoldKind.IN_VERIFICATION ? store : _speaker(item, seed);
        bool holders = index <= HoldKind.STOLEN || index == HoldKind.IN_VERIFICATION;
        if (holders && Fold.isKey(known(item).holder)) _sayAgreed(holding(item, index, true), by, seed);
        else _say(holding(item, index, false), holders ? _holder(item, seed) : by);
    }

    function release(uint256 seed) external counted {
        uint8 index = uint8(seed >> 8) % HoldKind.COUNT;
        bytes32 item = _held(seed, index);
        bytes32 setter = known(item).aside.setters[index];
        if (seed % 16 == 0) return _say(releasing(item, index, false), consortium);
        if (Fold.isKey(setter)) return _sayAgreed(releasing(item, index, true), _any(seed), seed);
        Member memory by = memberBy[setter];
        _say(releasing(item, index, false), by.key == 0 ? consortium : by);
    }

    function recovery(uint256 seed) external counted {
        bytes32 item = _pick(seed, Stage.SOLD, Stage.ENROLLED);
        State memory s = known(item);
        uint8 phase = uint8(seed >> 8) % 4 == 0 ? Phase.VETO : Phase.REQUEST;
        if (s.aside.recoveryKey != address(0) && seed >> 9 & 1 == 0) phase = Phase.COMPLETE;
        bytes32 key = phase == Phase.COMPLETE ? bytes32(uint256(uint160(s.aside.recoveryKey))) : _person(seed >> 16);
        Entry memory n = recovering(item, phase, phase == Phase.VETO ? bytes32(0) : key);
        if (phase == Phase.VETO) _sayAgreed(n, _any(seed), seed);
        else _say(n, seed % 8 == 0 ? _any(seed >> 8) : _speaker(item, seed));
    }

    function correction(uint256 seed) external counted {
        if (items.length == 0) return;
        bytes32 item = items[seed % items.length];
        State memory s = known(item);
        uint32 sequence = uint32(seed >> 8) % s.sequence + 1;
        bool opinionated = seed % 2 == 0 && s.verdictSequence != 0;
        if (opinionated) sequence = s.verdictSequence;
        Member memory by = memberBy[trail[item][sequence - 1].organization];
        _say(correcting(item, opinionated ? uint8(seed >> 16) % 4 : 0, sequence), seed % 8 == 0 ? _any(seed) : by);
    }

    function retire(uint256 seed) external counted {
        if (seed % 3 != 0) return;
        bytes32 item = _pick(seed, Stage.LOT, Stage.ENROLLED);
        State memory s = known(item);
        if (s.isSold() && Fold.isKey(s.holder)) _sayAgreed(consentedTo(Kind.RETIRE, item), _any(seed), seed);
        else _say(write(Kind.RETIRE, item), s.stage == Stage.UNSOLD ? _speaker(item, seed) : _holder(item, seed));
    }

    // Other doors

    function pass(uint256 seed) external counted {
        uint24[4] memory spans = [1 hours, 1 days, 73 hours, 30 days];
        vm.warp(now_() + spans[seed % 4]);
        vm.roll(vm.getBlockNumber() + 1);
    }

    function administer(uint256 seed) external counted {
        Member memory m = members[seed % 4 + 4];
        uint256 what = seed >> 8 & 7;
        if (what == 0) {
            if (isSuspended[m.id]) registry.reinstate(m.id);
            else registry.suspend(m.id);
            isSuspended[m.id] = !isSuspended[m.id];
        } else if (what == 1) {
            bytes32 heir = successors[maison.id] == 0 ? rival.id : bytes32(0);
            registry.nameSuccessor(maison.id, heir);
            successors[maison.id] = heir;
        } else if (what == 2) {
            uint48 until = seed >> 16 & 1 == 0 ? 0 : now_() + 1 days;
            _grant(maison, m, uint8(1 << (seed >> 24) % 5), seed >> 17 & 1 == 0 ? 2 : type(uint64).max, until);
        } else if (isSuspended[m.id]) {
            registry.reinstate(m.id);
            isSuspended[m.id] = false;
        }
    }

    /// @dev Law 2 from outside: what was once carried, carried again, with its own witnesses or with honest ones.
    function replay(uint256 seed) external counted {
        if (carried.length == 0) return;
        SignedBatch memory batch = abi.decode(carried[seed % carried.length], (SignedBatch));
        bytes32 item = batch.events[0].item;
        if (!landed[_headAfter(batch)]) return;
        if (seed >> 128 & 1 == 0) {
            Entry memory n = write(Kind.SERVICE, item);
            (batch.witnesses[0], batch.openings) = (n.witness, n.opening);
        }
        uint256 before = wordOf(item);
        try ledger.record(only(batch)) {} catch {}
        vm.assertEq(wordOf(item), before, "law 2: a replay changes nothing");
        replayed++;
    }

    /// @dev Law 8: a carrier bends one word of its own part; nothing happens, or nothing else than an honest one brings.
    function lie(uint256 seed) external counted {
        if (items.length == 0) return;
        bytes32 item = items[seed % items.length];
        Entry memory n = write(Kind.SERVICE, item);
        bytes32 noise = keccak256(abi.encode(seed));
        if (seed >> 8 & 3 == 0) n.witness.holder = noise;
        else if (seed >> 8 & 3 == 1) n.witness.brand = noise;
        else if (seed >> 8 & 3 == 2) n.witness.head = noise;
        else if (n.opening.length == 1) n.opening[0].aside.setters[seed % 5] = noise;
        else return;
        SignedBatch[] memory batches = only(batchOf(maison, n));
        uint256 before = wordOf(item);
        bool stood = true;
        try ledger.record(batches) {}
        catch {
            stood = false;
        }
        vm.assertTrue(!stood || isSuspended[maison.id], "law 8: a lie reverts");
        vm.assertEq(wordOf(item), before, "law 8: and changes nothing");
        bent++;
    }

    function group(uint256 seed) external counted {
        if (items.length == 0) return;
        bytes32 item = items[seed % items.length];
        Entry memory first = write(Kind.SERVICE, item);
        suppose(first, maison);
        Entry memory second = write(Kind.SERVICE, item);
        if (seed >> 8 & 1 == 0) second.e.occurredAt = now_() + 1 days;
        uint256 before = wordOf(item);

        Told memory told = carry(only(batchOf(maison, list(first, second), true)));

        vm.assertTrue(told.recorded == 2 || told.recorded == 0, "all or nothing");
        if (told.recorded == 0) vm.assertEq(wordOf(item), before, "nothing");
    }

    // Law 7, at the end of a run

    /// @dev Brand (or who speaks for it) and holder together free every living item: then it changes hands.
    function freeEverything() external {
        for (uint256 i = 0; i < members.length; i++) {
            if (!isSuspended[members[i].id]) continue;
            registry.reinstate(members[i].id);
            isSuspended[members[i].id] = false;
        }
        for (uint256 i = 0; i < items.length; i++) {
            State memory s = known(items[i]);
            if (s.stage == Stage.RETIRED) continue;
            _clear(items[i]);
            uint256 handed = known(items[i]).sequence;
            if (s.isSold()) _sayAgreed(write(Kind.TRANSFER, items[i], _person(i), 0), _holder(items[i], i), 1);
            else _say(write(Kind.SHIPMENT, items[i], platform.id, 0), _holder(items[i], i));
            vm.assertEq(known(items[i]).sequence, handed + 1, "law 7: brand and holder together free it");
        }
    }

    function _clear(bytes32 item) private {
        Member memory brand = _speaker(item, 1);
        bool judged = known(item).stage != Stage.LOT;
        if (judged && known(item).verdict == Outcome.NOT_AUTHENTIC && !known(item).holdSet(HoldKind.DISPUTED)) {
            _say(write(Kind.DISPUTE, item), brand);
        }
        if (judged && known(item).holdSet(HoldKind.DISPUTED)) {
            _say(write(Kind.RULING, item, 0, detailOf(Outcome.AUTHENTIC, 0, 0, 0, false)), brand);
        }
        for (uint8 round = 0; round < 2; round++) {
            for (uint8 index = 0; index < HoldKind.IN_VERIFICATION; index++) {
                if (known(item).holdSet(index)) _releaseByItsOwn(item, index, brand);
            }
            vm.warp(now_() + 31 days);
        }
    }

    function _releaseByItsOwn(bytes32 item, uint8 index, Member memory brand) private {
        bytes32 setter = known(item).aside.setters[index];
        if (Fold.isKey(setter)) _sayAgreed(releasing(item, index, true), brand, 1);
        else _say(releasing(item, index, false), speaks(brand.id, setter) ? brand : _holder(item, 0));
    }

    // Saying

    function _say(Entry memory n, Member memory by) private {
        SignedBatch[] memory batches = only(batchOf(by, n));
        Told memory told = carry(batches);
        refusals += told.refused + told.batchesRefused;
        if (told.recorded == 1) carried.push(abi.encode(batches[0]));
    }

    /// @dev The holder's key signs; one time in eight it is somebody else's.
    function _sayAgreed(Entry memory n, Member memory by, uint256 seed) private {
        uint256 key = _keyOf(known(n.e.item).holder);
        if (key == 0) return _say(n, _holder(n.e.item, seed));
        if (seed % 8 == 7) return _say(agreed(n, key == BOB ? ALICE : BOB), by);
        noteAgreement(n);
        _say(agreed(n, key), by);
    }

    function _passOn(uint8 kind, uint256 seed) private {
        bytes32 item = seed % 4 == 0 ? _pick(seed, Stage.SOLD, Stage.ENROLLED) : _free(seed);
        bytes32 party = seed % 8 == 0 ? _any(seed >> 8).id : _person(seed >> 8);
        Entry memory n = write(kind, item, party, 0);
        Member memory by = kind == Kind.TRANSFER ? _any(seed >> 16) : platform;
        if (Fold.isKey(known(item).holder)) _sayAgreed(n, by, seed >> 4);
        else _say(n, _holder(item, seed));
    }

    function _grant(Member memory brand, Member memory m, uint8 role, uint64 scope, uint48 until) private {
        accredit(brand.id, m, role, scope, 0, until);
        grants[brand.id][m.id][role] = Grant({scope: scope, from: 0, until: until});
    }

    // Choosing

    function _find(uint256 seed, uint8 from, uint8 to) private view returns (bool, bytes32) {
        uint256 start = seed >> 200;
        for (uint256 i = 0; i < items.length; i++) {
            bytes32 item = items[(start + i) % items.length];
            uint8 stage = known(item).stage;
            if (stage >= from && stage <= to) return (true, item);
        }
        return (false, items.length == 0 ? keccak256("unborn") : items[start % items.length]);
    }

    function _pick(uint256 seed, uint8 from, uint8 to) private view returns (bytes32 item) {
        (, item) = _find(seed, from, to);
    }

    /// @dev A sold item that nothing keeps where it is.
    function _free(uint256 seed) private view returns (bytes32) {
        for (uint256 i = 0; i < items.length; i++) {
            bytes32 item = items[((seed >> 200) + i) % items.length];
            (, uint8 stage, uint8 judged, uint8 holds) = ledger.stateOf(item);
            bool isSold = stage == Stage.SOLD || stage == Stage.ENROLLED;
            if (isSold && holds == 0 && judged != Outcome.NOT_AUTHENTIC) return item;
        }
        return _pick(seed, Stage.SOLD, Stage.ENROLLED);
    }

    function _held(uint256 seed, uint8 index) private view returns (bytes32) {
        for (uint256 i = 0; i < items.length; i++) {
            bytes32 item = items[((seed >> 200) + i) % items.length];
            if (known(item).holdSet(index) && known(item).stage != Stage.RETIRED) return item;
        }
        return _pick(seed, Stage.LOT, Stage.ENROLLED);
    }

    function _any(uint256 seed) private view returns (Member memory) {
        return members[(seed >> 32) % members.length];
    }

    function _person(uint256 seed) private view returns (bytes32) {
        return holderOf(people[(seed >> 64) % 3]);
    }

    function _keyOf(bytes32 holder) private view returns (uint256) {
        for (uint256 i = 0; i < people.length; i++) {
            if (holderOf(people[i]) == holder) return people[i];
        }
        return 0;
    }

    function _holder(bytes32 item, uint256 seed) private view returns (Member memory m) {
        m = memberBy[known(item).holder];
        if (m.key == 0) m = _any(seed);
    }

    function _speaker(bytes32 item, uint256 seed) private view returns (Member memory) {
        bytes32 brand = known(item).brand;
        if (successors[brand] != 0 && seed & 1 == 0) return memberBy[successors[brand]];
        return isMember[brand] ? memberBy[brand] : consortium;
    }

    function _headAfter(SignedBatch memory batch) private view returns (bytes32) {
        return keccak256(abi.encode(batch.events[0].head, ledger.hashEvent(batch.events[0]), batch.organization));
    }

    // The invariants' view

    /// @dev Of the item that changed last; of all with `everywhere`.
    function checkHeads(bool everywhere) external view {
        for (uint256 i = 0; i < items.length; i++) {
            if (everywhere || items[i] == lastItem) _checkHead(items[i]);
        }
    }

    function checkWords() external view {
        for (uint256 i = 0; i < items.length; i++) {
            vm.assertEq(wordOf(items[i]), folded[items[i]], "law 5: the fold of the logs is the word");
        }
    }

    function _checkHead(bytes32 item) private view {
        Link[] storage links = trail[item];
        bytes32 head = 0;
        for (uint256 i = 0; i < links.length; i++) {
            head = keccak256(abi.encode(head, links[i].eventHash, links[i].organization));
        }
        vm.assertEq(head, heads[item][links.length], "laws 1 and 6: heads lead from birth to tip");
    }
}
