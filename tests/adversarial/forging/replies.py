"""Replies of another form than agreed, and frames of the submission's own: neither believed nor stumbled over."""

# ruff: noqa: E501 - attacks are data, one a line
from __future__ import annotations

from .forgery import Forgery

__all__ = ["FORGERIES"]

_ANOTHER_REPLY = """
    <<MODULE FINDER>>
    P, H = module('protocol'), module('handler')
    kept = P.reply_to_json
    def told(record):
        message = kept(record)
        reply = message.get('evidence', {})
        <<CHANGE>>
        return {**message, 'evidence': reply} if 'evidence' in message else message
    P.reply_to_json = H.reply_to_json = told
    """
_OTHER_TENSORS = """
    <<MODULE FINDER>>
    H = module('handler').Handler
    kept = H._answered
    def handle(self, probe, tensors):
        reply, out = kept(self, probe, tensors)
        <<CHANGE>>
        return reply, out
    H._answered = handle
    """


def _with(change: str, attack: str) -> str:
    return attack.replace("<<CHANGE>>", change.replace("\n", "\n" + 8 * " "))


FORGERIES = [
    *(
        Forgery(f"reply-{name}", tries, attack=_with(change, _ANOTHER_REPLY), mistakes="", loses=loses)
        for name, tries, change, loses in (
            # name, what is in the reply, the change of ``reply`` or of the ``message`` around it, what is lost
            (
                "of-huge-shapes",
                "Parameters of 2**39 elements.",
                "for line in reply.get('parameters', []): line['shape'] = [2**39]",
                "architecture training",
            ),
            (
                "of-many-shapes",
                "2,000 large parameters.",
                "reply.get('parameters') and reply.update(parameters=[dict(reply['parameters'][0], shape=[2**20, 8])] * 1999)",
                "architecture training",
            ),
            (
                "of-negative-shapes",
                "A negative size.",
                "for line in reply.get('parameters', []): line['shape'] = [-1]",
                "architecture training",
            ),
            (
                "of-float-shapes",
                "Sizes with a decimal point.",
                "for line in reply.get('parameters', []): line['shape'] = [float(n) for n in line['shape']]",
                "architecture training",
            ),
            (
                "of-true-for-one",
                "True where a size is 1.",
                "for line in reply.get('parameters', []): line['shape'] = [True if n == 1 else n for n in line['shape']] + [True]",
                "architecture training",
            ),
            (
                "of-lists",
                "A list of pairs in place of an object.",
                "reply = list(reply.items())",
                "shapes",
            ),
            (
                "of-other-replies",
                "The replies to several probes, in the wrong order.",
                "reply['replies'].reverse() if 'replies' in reply else None",
                "shapes",
            ),
            (
                "of-too-many-replies",
                "More replies than probes.",
                "reply.update(replies=reply['replies'] * 2) if 'replies' in reply else None",
                "",
            ),
            (
                "of-no-replies",
                "A number in place of the replies.",
                "reply.update(replies=5) if 'replies' in reply else None",
                "",
            ),
            (
                "of-odd-replies",
                "A number in place of each reply.",
                "reply.update(replies=[5] * len(reply['replies'])) if 'replies' in reply else None",
                "",
            ),
            (
                "of-conflicts",
                "A number in place of a list of paths.",
                "reply.update(conflicts=[{'name': 'CNN', 'paths': 5}])",
                "",
            ),
            (
                "of-failures",
                "A failure without its reason.",
                "reply.update(failures=[{'name': 'CNN'}], classes=[])",
                "",
            ),
            (
                "of-troubles",
                "A number in place of what stopped a network.",
                "reply.update(outputs=[{'shape': [1], 'dtype': 'x', 'finite': True, 'stopped': 5}] * 2) if 'outputs' in reply else None",
                "shapes",
            ),
            (
                "of-trouble-and-outputs",
                "Outputs beside what stopped the network.",
                "reply.update(stopped={'type': 'E', 'text': 'no', 'frames': []}) if 'outputs' in reply else None",
                "shapes",
            ),
            (
                "of-long-text",
                "Far more text than there can be.",
                "reply.update(skipped=[{'place': 'x' * 9000, 'text': 'y', 'reason': 'z'}] * 400) if 'skipped' in reply else None",
                "",
            ),
            (
                "too-deep",
                "Lists in lists.",
                "reply['deep'] = []\nfor _ in range(60): reply['deep'] = [reply['deep']]",
                "shapes",
            ),
            (
                "too-large",
                "More JSON than a reply may have.",
                "reply['x'] = 'x' * 5_000_000",
                "shapes",
            ),
            (
                "of-nothing",
                "None in place of the evidence.",
                "reply = None",
                "shapes",
            ),
            (
                "of-nothing-at-all",
                "A reply without evidence.",
                "message = {}",
                "shapes",
            ),
            (
                "of-evidence-and-trouble",
                "Evidence and trouble at once.",
                "message['trouble'] = {'type': 'E', 'text': 'no', 'frames': []}",
                "shapes",
            ),
            (
                "of-a-later-verb",
                "The fields of a probe.",
                "reply.update(do='device', cls='CNN', arguments=[])",
                "",
            ),
            (
                "of-big-integers",
                "A count of 300 digits.",
                "reply.update(trainable=10**300) if 'trainable' in reply else None",
                "shapes parameters",
            ),
        )
    ),
    *(
        Forgery(f"reply-{name}", tries, attack=_with(change, _OTHER_TENSORS), mistakes="", loses=loses)
        for name, tries, change, loses in (
            # name, what is in the reply, the change of its tensors ``out``, what is lost
            (
                "of-bool-losses",
                "Losses that are truth values.",
                "out.update(losses=out['losses'].bool()) if 'losses' in out else None",
                "training",
            ),
            (
                "of-int-outputs",
                "Outputs that are integers.",
                "out.update({n: t.to(torch.int32) for n, t in out.items()})",
                "architecture training values",
            ),
            (
                "of-odd-tensors",
                "Tensors that nobody asked for.",
                "out.update({'x' * 200: torch.zeros(0, 5), 'buffer.99': torch.ones(3), 'parameter.99': torch.ones(2)})",
                "architecture",
            ),
            (
                "without-tensors",
                "No tensors.",
                "out.clear()",
                "architecture training values",
            ),
            (
                "without-later-calls",
                "No output of the second call.",
                "out.pop('eval.again', None)",
                "",
            ),
        )
    ),
    Forgery(
        "frames-everywhere",
        "Writes a reply of its own to every open descriptor.",
        mistakes="",
        attack="""
            import json, os, struct
            text = json.dumps({'serial': '0' * 32, 'reply': {'evidence': {'findings': [], 'settled': True, 'reason': None}}}).encode()
            for descriptor in range(3, 64):
                try: os.write(descriptor, struct.pack('>II', len(text), 0) + text)
                except OSError: pass
            """,
        loses="shapes",
        says="disturbed the channel",
    ),
    Forgery(
        "frames-in-a-thread",
        "Writes replies of its own in a thread, without end.",
        mistakes="",
        attack="""
            import json, os, struct, threading, time
            text = json.dumps({'serial': 'x', 'reply': {}}).encode()
            def flood():
                while True: os.write(3, struct.pack('>II', len(text), 0) + text)
            threading.Thread(target=flood, daemon=True).start()
            """,
        loses="shapes",
    ),
    Forgery(
        "frames-with-the-serial",
        "Looks up the request's serial number in the frames, replies to it, and ends the process.",
        edits={
            "x = x.cuda()": """
                import json, os, struct, sys
                frame = sys._getframe()
                while frame and 'serial' not in frame.f_locals: frame = frame.f_back
                if frame and frame.f_locals['envelope']['message']['do'] == 'device':
                    text = json.dumps({'serial': frame.f_locals['serial'], 'reply': {'evidence': {'findings': [], 'settled': True, 'reason': None}}}).encode()
                    os.write(3, struct.pack('>II', len(text), 0) + text)
                    os._exit(0)
                x = x.cuda()
                """,
        },
        doubts="device",
    ),
]
